"""How long the commands take to say something: whole processes, in turn, medians.

python -m benchmarks.startup --repeats 5
"""

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks.output import show, write

COMMANDS = (
    ("medloc",),
    ("medloc.run", "--help"),
    ("medloc.run", "--cfg", "job"),
    ("medloc.pretrain", "--help"),
    ("medloc.replay", "--help"),
    ("medloc.score", "--help"),
    ("medloc.report", "--help"),
    ("medloc.reproduce", "--help"),
    ("medloc.reproduce", "all", "--dry-run"),
)


def seconds(command: tuple[str, ...]) -> float:
    """Returns the seconds of one process.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="processes of each command after one to warm up")
    options = parser.parse_args()
    spent: dict[str, list[float]] = {" ".join(command): [] for command in COMMANDS}
    for turn in range(options.repeats + 1):
        for command in COMMANDS:
            taken = seconds(command)
            if turn:
                spent[" ".join(command)].append(taken)
    show(
        ["python -m", "median [s]", "min", "max"],
        [[name, statistics.median(found), min(found), max(found)] for name, found in spent.items()],
    )
    write("startup", {"options": vars(options), "seconds": spent})


if __name__ == "__main__":
    main()
