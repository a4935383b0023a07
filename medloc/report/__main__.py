"""python -m medloc.report: records -> tables, figures, one page."""

import sys
from collections import Counter
from pathlib import Path
from typing import get_args

from medloc.cli import entry
from medloc.runs import Found
from medloc.runs.provenance import CHECKOUT
from medloc.runs.record import Status

HELP = """\
python -m medloc.report [results=PATH]

Reads the record of every run in PATH/runs, says what it found, and writes into PATH
  report.html   everything on one page that opens from disk
  tables/       table1 ... table8 and ours (thesis, median, open, why, rewards); .md to read, .tex to print and .csv
                to compute with: our mean ± standard deviation over seeds (N) beside the paper's value, and what
                few seeds can say about the differences; claims and audit: the paper's sentences held against these
                runs, and its numbers against each other
  figures/      figure1, figure3 ... figure8 and ours as .svg and .png, their numbers as .csv
Needs no GPU and changes no run. Runs that do not compare (phantom and real data, other training, other
fingerprints) get tables of their own. A missing cell is "-"; the page says which command would fill it.

  results=PATH       folder with runs/ (default: results/ of the checkout)
  results=published  the committed records of the reproduction

Examples:
  python -m medloc.run -m schedule=piecewise,linear,cosine seed=42,43,44    make nine runs
  python -m medloc.report                                                  see them on the page

Exit status: 0, also where runs are missing; 2 for an argument that is none.
"""


@entry("report")
def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    report(results_folder(arguments))
    return 0


def results_folder(arguments: list[str]) -> Path:
    """Find the results folder that the arguments ask for.

    Raises:
        ValueError: An argument is not `results=PATH`.
    """
    folder = CHECKOUT / "results"
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key != "results" or not equals or not value:
            raise ValueError(f"{argument} is no argument of medloc.report; give results=PATH or nothing.")
        folder = CHECKOUT / "results" / "published" if value == "published" else Path(value)
    return folder


def report(results: Path) -> None:
    """Read the records, write the report, and print its summary.

    Raises:
        ValueError: A file of the results folder that says how to read it is torn.
    """
    from medloc.report.whole import summary_lines, write_report
    from medloc.runs import find_records

    found = find_records(results)
    print(*found_lines(results, found), sep="\n", end="\n\n")
    print(*summary_lines(write_report(results, found)), sep="\n")
    if results.is_dir():
        print(f"Tables and figures: {results / 'tables'}, {results / 'figures'}")
        print(f"All on one page: {results / 'report.html'}")


def found_lines(results: Path, found: Found) -> list[str]:
    """Say how many records there are by status, why runs failed, and which files are no records."""
    counts = Counter(record.status for record in found.records)
    states = ", ".join(f"{counts[status]} {status}" for status in get_args(Status) if counts[status])
    lines = [f"Found {len(found.records)} records in {results / 'runs'}{': ' if states else ''}{states}."]
    if not found.records:
        lines.append("Make the first with: python -m medloc.run")
    for record in found.records:
        if record.status == "failed":
            words = (record.identity[word] for word in ("method", "schedule", "model", "dataset", "variant"))
            run = f"{record.key} ({' '.join(filter(None, words))} seed {record.identity['seed']})"
            lines.append(f"  failed: {run}: {record.reason}")
    return lines + [f"  not read: {problem}" for problem in found.problems]


if __name__ == "__main__":
    sys.exit(main())
