"""One small run on phantoms: seconds on one core, the real component at every place."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]

SMALL = (
    "dataset.phantom.train=24",
    "dataset.phantom.test=12",
    "dataset.phantom.calibration=8",
    "train.max_steps=6",
    "train.prompts_per_step=2",
    "train.group_size=4",
    "train.per_device_batch=8",
    "train.checkpoints=3",
    "evaluation.points=2",
    "evaluation.images=6",
    "threads=1",
)


def overrides(results, cache, *more):
    return [*SMALL, f"results={results}", f"cache={cache}", *more]


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run_here(capfd, monkeypatch, *arguments):
    """Runs `python -m medloc.run` in this process, a sweep one run after the other."""
    from medloc.run import main

    words = [*map(str, arguments), *(["hydra/launcher=basic"] if "-m" in arguments else [])]
    monkeypatch.setattr(sys, "argv", ["medloc.run", *words])  # Hydra reads them there
    capfd.readouterr()
    status = main(words)
    return Done(status, *capfd.readouterr())


def medloc(command, *arguments, env=None):
    """Runs `python -m medloc.<command>` in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}
    return subprocess.run(
        [sys.executable, "-m", f"medloc.{command}", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
