"""A whole run in a fresh process and folder: where its seconds go, and its peak memory.

    python -m benchmarks.run                                        the laptop default
    python -m benchmarks.run --overrides threads=1 train.max_steps=50

The phantoms are drawn into the ordinary cache beforehand and are not counted.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.output import show, write
from medloc.data import load_dataset
from medloc.spec.compose import compose_job


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--overrides", nargs="*", default=[], help="settings of medloc.run")
    options = parser.parse_args()
    settings = compose_job(options.overrides).settings
    load_dataset(settings.dataset, Path(settings.cache))
    with TemporaryDirectory() as folder:
        begin = time.perf_counter()
        command = [sys.executable, "-m", "medloc.run", f"results={folder}", f"cache={settings.cache}"]
        subprocess.run([*command, *options.overrides], check=True, stdout=subprocess.DEVNULL)
        process = time.perf_counter() - begin
        record = json.loads(next(Path(folder).glob("runs/*/record.json")).read_text(encoding="utf-8"))
    spent, steps = record["timings"], record["identity"]["steps"]
    stepping = steps * (spent.get("step_s_median") or 0.0)
    training = spent.get("train_s") or 0.0
    rows = [
        ["process", process],
        ["  imports, data, model, picture", process - spent["wall_s"]],
        ["  evaluation before and after", spent["wall_s"] - training],
        [f"  {steps} steps at the median step", stepping],
        ["  evaluation between, checkpoints, slower steps", training - stepping],
    ]
    show(["part", "seconds"], rows)
    print(f"peak memory {record['peak_memory_mb']:.0f} MB, median step {spent.get('step_s_median')} s")
    write("run", {"options": vars(options), "process_s": process, "timings": spent, "memory": record["peak_memory_mb"]})


if __name__ == "__main__":
    main()
