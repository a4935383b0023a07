"""Many runs: one after the other on all cores, against one a core; and how long the paper's tables take.

    python -m benchmarks.grid                        both ways, then the estimate of Tables 1-8
    python -m benchmarks.grid --runs 6 --steps 60
    python -m benchmarks.grid --no-estimate

Every run is `medloc.run`'s, of `--steps` optimizer steps with all its evaluations. The estimate makes one such run of
each kind (model, method and what changes a step's work) on one core and adds the missing steps at its median step,
times what running on all cores at once costs a run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.output import show, write
from medloc.data import load_dataset
from medloc.experiments.catalog import experiment
from medloc.experiments.launchers import joblib_launch, serially
from medloc.experiments.rows import PlannedRun, planned_run
from medloc.spec.compose import compose_job
from medloc.spec.machine import cores

TABLES = tuple(f"table{number}" for number in range(1, 9))
CHANGES_WORK = ("train.group_size", "train.dynamic_sampling")
"""Settings of a run, besides model and method, that change what a step costs."""


def sweep(ways: str, runs: int, steps: int) -> dict[str, Any]:
    """Makes `runs` runs in one fresh process, "serial" or "joblib"; returns the wall seconds and what records say."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.grid", "--only", ways, "--into", folder]
        begin = time.perf_counter()
        subprocess.run([*command, "--runs", str(runs), "--steps", str(steps)], check=True)
        seconds = time.perf_counter() - begin
        records = [json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).glob("runs/*/record.json")]
    records.sort(key=lambda record: record["started"])
    return {
        "seconds": seconds,
        "wall": [record["timings"]["wall_s"] for record in records],
        "step": [record["timings"]["step_s_median"] for record in records],
        "memory_mb": [record["peak_memory_mb"] for record in records],
    }


def make(ways: str, runs: int, steps: int, results: str) -> None:
    """Makes the runs in this process, or its children."""
    threads = 1 if ways == "joblib" else cores()
    launch = joblib_launch(cores()) if ways == "joblib" else serially
    tasks = []
    for seed in range(runs):
        run = planned_run([f"seed={seed}", f"train.max_steps={steps}"])
        tasks.append((run, (*run.overrides, f"threads={threads}", f"results={results}")))
    for result in launch(tasks):
        assert result.reason is None, result.reason


def kind(run: PlannedRun) -> tuple[str, ...]:
    """Names what decides the time of a run."""
    work = [override for override in run.overrides if override.partition("=")[0] in CHANGES_WORK]
    return (run.identity["model"], run.identity["method"], *work)


def estimate(steps: int, slower: float) -> list[dict[str, Any]]:
    """Measures one run of every kind in Tables 1-8; returns, by kind, how many there are and what one will take.

    Args:
        steps: optimizer steps of the measured runs.
        slower: how many times longer a run takes while every core has one.
    """
    runs = dict.fromkeys(run for name in TABLES for run in experiment(name, "tiny").runs())
    by_kind: dict[tuple[str, ...], list[PlannedRun]] = {}
    for run in runs:
        by_kind.setdefault(kind(run), []).append(run)
    full = compose_job([]).settings.train.max_steps
    assert full is not None
    found = []
    with TemporaryDirectory() as folder:
        for name, alike in by_kind.items():
            first = (*alike[0].overrides, "threads=1", f"train.max_steps={steps}", f"results={folder}")
            (result,) = serially([(planned_run(first), first)])
            row: dict[str, Any] = {"kind": " ".join(name), "runs": len(alike), "step": None, "seconds": None}
            if result.reason is None:
                row["step"] = _median_step(Path(folder)) if result.steps else 0.0
                row["seconds"] = slower * (result.seconds + row["step"] * (full - steps))
            else:
                print(f"{row['kind']}: not measured ({result.reason})")
            found.append(row)
    return found


def _median_step(folder: Path) -> float:
    """Returns the median step of the newest record."""
    newest = max(folder.glob("runs/*/record.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(newest.read_text(encoding="utf-8"))["timings"]["step_s_median"] or 0.0


def draw_phantoms(runs: Iterable[str]) -> None:
    """Draws the phantoms into the ordinary cache, so that no run has to."""
    for name in runs:
        settings = compose_job([f"dataset={name}"]).settings
        load_dataset(settings.dataset, Path(settings.cache))


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.grid", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=4, help="runs of each way")
    parser.add_argument("--steps", type=int, default=40, help="optimizer steps of every measured run")
    parser.add_argument("--no-estimate", action="store_true", help="only compare the two ways")
    parser.add_argument("--only", choices=("serial", "joblib"), help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        make(options.only, options.runs, options.steps, options.into)
        return
    draw_phantoms(["ham10000", "heel", "tn3k"])
    ways = {name: sweep(name, options.runs, options.steps) for name in ("serial", "joblib")}
    rows = [
        [name, found["seconds"] / options.runs, statistics.median(found["step"]), *_ends(found["memory_mb"])]
        for name, found in ways.items()
    ]
    show(["way", "seconds a run", "median step", "peak MB, first run", "last run"], rows)
    ratio = ways["joblib"]["seconds"] / ways["serial"]["seconds"]
    print(f"ratio {ratio:.3f} (joblib, {cores()} processes of one thread, to serial) over {options.runs} runs each")
    found: list[dict[str, Any]] = []
    if not options.no_estimate:
        found = estimate(options.steps, _slower(ways["joblib"], options.steps))
        show(["kind", "runs", "step [s]", "a run [s]"], [list(one.values()) for one in found])
        measured = [one for one in found if one["seconds"] is not None]
        hours = sum(one["runs"] * one["seconds"] for one in measured) / cores() / 3600
        count = sum(one["runs"] for one in measured)
        print(f"Tables 1-8: {count} runs, about {hours:.1f} h with {cores()} processes of one thread each")
    write("grid", {"options": vars(options), "ways": ways, "ratio": ratio, "estimate": found})


def _ends(values: list[float]) -> tuple[float, float]:
    return values[0], values[-1]


def _slower(together: dict[str, Any], steps: int) -> float:
    """Returns how much longer a run takes beside others than alone, from one more run by itself."""
    with TemporaryDirectory() as folder:
        run = planned_run(["seed=0", f"train.max_steps={steps}"])
        (alone,) = serially([(run, (*run.overrides, "threads=1", f"results={folder}"))])
    return statistics.median(together["wall"]) / alone.seconds


if __name__ == "__main__":
    main()
