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


def trained_steps(folder, count):
    """Whether a run under `folder` has made so many steps."""
    return any(path.read_text().count("\n") >= count for path in folder.glob("runs/*/trace.jsonl"))


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


LONG = ("train.max_steps=300", "train.checkpoints=60", "train.keep_checkpoints=1")


def test_a_job_cut_off_by_its_limit_is_queued_again_and_ends_with_the_bytes_of_a_whole_one(slurm, tmp_path):
    before = set(slurm.jobs())
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    # SLURM sends its signal up to a minute early: at some 30 to 60 s of the 120 s
    limits = ("hydra.launcher.timeout_min=2", "hydra.launcher.signal_delay_s=60")
    processes = [sweep(slurm, cut, *LONG, *limits), sweep(slurm, whole, *LONG)]
    for process in processes:
        said = process.communicate(timeout=1200)[0]
        assert process.returncode == 0, said
    restarts = sorted(int(fields["Restarts"]) for job, fields in slurm.jobs().items() if job not in before)
    assert restarts[0] == 0 < restarts[1]
    (one,), (other,) = (list((folder / "runs").glob("[!.]*")) for folder in (cut, whole))
    for name in ("trace.jsonl", "samples.jsonl", "curve.jsonl", "model/model.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_drained_node_takes_no_job_until_it_is_back(slurm, tmp_path):
    before = set(slurm.jobs())
    slurm.ask("scontrol", "update", f"nodename={slurm.host}", "state=drain", "reason=test")
    process = sweep(slurm, tmp_path, "method=zero_shot")
    wait_for(lambda: slurm.states(before) == ["PENDING"], 60)
    slurm.ask("scontrol", "update", f"nodename={slurm.host}", "state=resume")
    said = process.communicate(timeout=600)[0]
    assert process.returncode == 0, said
    assert [record.status for record in records(tmp_path)] == ["complete"]


def test_a_cancelled_job_is_named_and_the_same_command_goes_on(slurm, tmp_path):
    before = set(slurm.jobs())
    process = sweep(slurm, tmp_path, *LONG, "seed=42,43", "hydra.launcher.array_parallelism=1")
    wait_for(lambda: trained_steps(tmp_path, 10), 300)
    (first,) = (job for job, fields in slurm.jobs().items() if job not in before and fields["JobState"] == "RUNNING")
    slurm.ask("scancel", first)
    said = process.communicate(timeout=900)[0]
    assert process.returncode == 2, said
    assert "CANCELLED" in said.splitlines()[-1], said
    assert "Traceback" not in said
    assert {line.rsplit(": ", 1)[-1] for line in said.splitlines() if line.startswith("ham10000 medloc")} <= {
        "interrupted",
        "complete",
        "missing",
    }
    assert sorted(record.status for record in records(tmp_path))[-1] == "running"
    again = sweep(slurm, tmp_path, *LONG, "seed=42,43")
    said = again.communicate(timeout=900)[0]
    assert again.returncode == 0, said
    assert {record.status for record in records(tmp_path)} == {"complete"}
