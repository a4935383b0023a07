"""`python -m medloc.publish`: what of the finished runs is committed. `--help` teaches."""

import sys
from pathlib import Path

from medloc.cli import entry
from medloc.runs.provenance import CHECKOUT

HELP = """\
python -m medloc.publish [results=PATH] [out=PATH]

Copies the complete records of PATH/runs into out (default: results/published), with the IoU of every test image and the
series of every step inside, so that all tables and figures can be made from them alone; beside them the counts and the
order of the images, and the images and answers that Figures 4 and 8 show. Weights stay where they are, their hashes
go along; no place on this machine does. Then it writes the report of what is published.

  python -m medloc.publish
  python -m medloc.publish results=results/real out=results/published/real
  python -m medloc.report results=published      the same tables and figures, byte for byte, on any machine

To go on with a grid on another machine, give it the published records as its own:
  cp -r results/published/runs results/published/datasets results/published/images results/
"""


@entry("publish")
def main(arguments: list[str]) -> int:
    """Run the command and return its exit status: 0, or 2 for a user's mistake."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    results, out = _folders(arguments)
    _publish(results, out)
    return 0


def _folders(arguments: list[str]) -> tuple[Path, Path]:
    """Read the arguments.

    Raises:
        ValueError: one is not `results=PATH` or `out=PATH`.
    """
    places = {"results": CHECKOUT / "results", "out": CHECKOUT / "results" / "published"}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key not in places or not equals or not value:
            raise ValueError(f"{argument} is no argument of it; give results=PATH, out=PATH or nothing.")
        places[key] = Path(value).expanduser().resolve()
    return places["results"], places["out"]


def _publish(results: Path, out: Path) -> None:
    from medloc.report.published import publish
    from medloc.report.whole import write_report
    from medloc.runs import find_records

    found = find_records(results)
    done = publish(results, found, out)
    print(f"{done.records} records published in {out}.")
    for line in (
        *(f"not read: {problem}" for problem in found.problems),
        *(f"not published: {x}" for x in done.lacking),
    ):
        print(f"  {line}")
    if out.is_dir():
        write_report(out, find_records(out))
        print(f"Report: {out / 'report.html'}")


if __name__ == "__main__":
    sys.exit(main())
