"""Tables as text: Markdown to read, CSV to compute with. The same records give the same bytes."""

import csv
import io
from collections.abc import Sequence

from tabulate import tabulate

from medloc.report.groups import Group
from medloc.report.missing import Missing, missing_runs, unavailable
from medloc.report.paper import METRICS
from medloc.report.rows import DATASETS, FAMILIES
from medloc.report.table1 import Line, Place, other_lines, table1_lines

HEADER = ("Method", *(title for name in METRICS.values() for title in (name, "paper")))

CSV_HEADER = (
    *("table", "group", "setting", "row", "dataset", "metric"),
    *("mean", "sd", "n", "paper_mean", "paper_sd"),
)

LEGEND = (
    "Percent; ours as mean ± standard deviation over seeds (N), beside the paper's value; "
    "one value has no ±, and - is a run not yet made."
)


def markdown(groups: Sequence[Group]) -> str:
    """Return Table 1 of every group, one below the other."""
    return "\n\n".join(map(_section, groups) if groups else [_empty_section()]) + "\n"


def csv_text(groups: Sequence[Group]) -> str:
    """Return every number of the tables in long form; `group` is the place of the table in the Markdown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for number, group in enumerate(groups, start=1):
        for table, lines in (("table1", table1_lines(group)), ("other runs", other_lines(group))):
            for line in lines:
                start = [table, number, group.heading, line.name]
                writer.writerows([*start, *row] for row in _csv_rows(line))
    return text.getvalue()


def missing_text(missing: Sequence[Missing], lacking: Sequence[str]) -> str:
    """Say which runs a table still needs and how to make them; "" where it is whole."""
    parts = []
    if missing:
        parts.append("Missing runs, and the command for each:\n\n" + "\n".join(map(str, missing)))
    if lacking:
        parts.append(f"Not in this version: {', '.join(lacking)}.")
    return "\n\n".join(parts)


def _section(group: Group) -> str:
    parts = [f"# Table 1: {group.heading}", _stand_ins(group), LEGEND]
    lines, other = table1_lines(group), other_lines(group)
    parts += [_block(dataset, lines) for dataset in group.datasets if lines]
    if other:
        parts.append("## Other runs")
        parts += [_block(dataset, other) for dataset in DATASETS if _present(dataset, other)]
    parts.append("\n".join(f"- {note}" for note in group.notes))
    if lines:
        parts.append(missing_text(missing_runs(group), unavailable(group)))
    return "\n\n".join(part for part in parts if part)


def _empty_section() -> str:
    nothing = Line("(no complete run yet)", {}, {})
    table = _block("ham10000", [nothing])
    return "\n\n".join(
        ["# Table 1: no complete run yet", LEGEND, table, missing_text(missing_runs(None), unavailable(None))]
    )


def _stand_ins(group: Group) -> str:
    """Say which of our models stands in for which of the paper's."""
    sizes = FAMILIES.get(group.setting.family, {})
    if group.setting.family != "tiny":
        return ""
    pairs = ", ".join(f"{model} for {size}" for size, model in sizes.items())
    return f"Tiny models stand in for the paper's: {pairs}. The paper's numbers are a pattern, not a goal."


def _block(dataset: str, lines: Sequence[Line]) -> str:
    rows = [line.texts(dataset) for line in lines]
    alignment = ("left", *["right"] * (len(HEADER) - 1))
    table = tabulate(rows, HEADER, tablefmt="pipe", disable_numparse=True, colalign=alignment)
    return f"### {DATASETS[dataset]}\n\n{table}"


def _present(dataset: str, lines: Sequence[Line]) -> bool:
    return any(place.dataset == dataset for line in lines for place in line.ours)


def _csv_rows(line: Line) -> list[list[str]]:
    places = [Place(dataset, metric) for dataset in DATASETS for metric in METRICS]
    return [_csv_row(line, place) for place in places if place in line.ours or place in line.paper]


def _csv_row(line: Line, place: Place) -> list[str]:
    """Return the numbers of one place with four decimals; an empty field is a missing number."""
    ours, paper = line.ours.get(place), line.paper.get(place)
    numbers = (ours and ours.mean, ours and ours.sd, paper and paper.mean, paper and paper.sd)
    mean, sd, paper_mean, paper_sd = ("" if number is None else f"{number:.4f}" for number in numbers)
    return [*place, mean, sd, str(ours.n if ours else 0), paper_mean, paper_sd]
