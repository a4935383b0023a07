"""Sweeps as jobs of a real SLURM cluster of one node."""

import subprocess
import sys
from pathlib import Path

import pytest

from medloc.runs import read_record
from tests.engines.cluster import cluster, missing_programs, wait_for
from tests.small import overrides

pytestmark = [pytest.mark.engines, pytest.mark.skipif(bool(missing_programs()), reason="slurm-wlm is not installed")]

LAUNCHER = ("hydra/launcher=slurm", "hydra.launcher.partition=short", "hydra.launcher.gpus_per_node=null")
LAUNCHER += ("hydra.launcher.cpus_per_task=1", "hydra.launcher.timeout_min=20")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def sweep(slurm, folder, *more):
    """Start a sweep of small runs as jobs; its results lie under `folder`."""
    command = [sys.executable, "-m", "medloc.run", "-m", *LAUNCHER, f"hydra.sweep.dir={folder}/sweep"]
    given = [*overrides(folder, folder / "cache", "window.size=2"), *more]
    return subprocess.Popen(
        [*command, *given], env=slurm.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def records(folder: Path):
    return [read_record(path) for path in sorted(folder.glob("runs/*/record.json"))]


def test_nine_runs_are_nine_jobs(slurm, tmp_path):
    before = set(slurm.jobs())
    process = sweep(slurm, tmp_path, "schedule=piecewise,linear,cosine", "seed=42,43,44")
    said = process.communicate(timeout=900)[0]
    assert process.returncode == 0, said
    wait_for(lambda: slurm.states(before) == ["COMPLETED"] * 9, 60)
    found = records(tmp_path)
    assert len({record.key for record in found}) == 9
    assert {record.status for record in found} == {"complete"}
