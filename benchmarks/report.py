"""How long the report of a whole grid takes: fabricated records with answers, cold and unchanged, in fresh processes.

python -m benchmarks.report --runs 300 --samples 500
"""

import argparse
import dataclasses
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.output import show, write
from medloc.spec.machine import CHECKOUT
from medloc.spec.compose import compose_job
from tests.report.grid import fill, planned


def seconds(results: Path) -> float:
    """Returns the seconds of one `python -m medloc.report`."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "medloc.report", f"results={results}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="fabricated runs")
    parser.add_argument("--samples", type=int, default=500, help="answers of each")
    parser.add_argument("--repeats", type=int, default=3, help="cold and unchanged reports")
    options = parser.parse_args()
    usual = compose_job([]).settings.dataset.phantom
    phantom = dataclasses.replace(usual, test=options.samples)
    cold, unchanged = [], []
    for _ in range(options.repeats):
        with TemporaryDirectory() as folder:
            runs = planned()[: options.runs]
            results = fill(Path(folder) / "results", runs, CHECKOUT / "results" / ".cache", runs, phantom=phantom)
            cold.append(seconds(results))
            unchanged.append(seconds(results))
    rows = [["cold", *_spread(cold)], ["unchanged", *_spread(unchanged)]]
    show([f"report of {options.runs} runs, {options.samples} answers each", "median [s]", "min", "max"], rows)
    write("report", {"options": vars(options), "cold": cold, "unchanged": unchanged})


def _spread(found: list[float]) -> tuple[float, float, float]:
    return sorted(found)[len(found) // 2], min(found), max(found)


if __name__ == "__main__":
    main()
