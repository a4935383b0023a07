"""Hydra's launchers under a sweep: two runs at once on this machine, SLURM's as far as it goes without a cluster."""

from dataclasses import fields

import pytest
from hydra import compose, initialize_config_dir

from medloc.runs import read_record
from medloc.spec.compose import register
from medloc.spec.machine import CONF
from tests.small import medloc, overrides

GIVEN = ("method=zero_shot", "seed=1,2")


def records(results):
    return [read_record(path) for path in sorted(results.glob("runs/*/record.json"))]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [("joblib", "hydra.launcher.n_jobs=2"), ("submitit_local",)])
def test_runs_of_a_sweep_at_once_leave_records_and_their_failures_count(launcher, tmp_path):
    name, *more = launcher
    if name.startswith("submitit"):
        pytest.importorskip("submitit", reason="the extra `cluster` is not installed")
    sweep = ("-m", f"hydra/launcher={name}", *more, *overrides(tmp_path / "results", tmp_path / "cache", *GIVEN))
    done = medloc("run", *sweep)
    assert done.returncode == 0, done.stderr
    assert sorted(record.identity["seed"] for record in records(tmp_path / "results")) == [1, 2]
    failed = medloc("run", *sweep, "dataset.evaluate_on=test,nowhere")
    assert failed.returncode == 2
    assert len(records(tmp_path / "results")) == 2


def composed(*more):
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", ["hydra/launcher=slurm", *more], return_hydra_config=True).hydra.launcher


def test_slurm_s_settings_are_ones_that_the_plugin_knows():
    config = pytest.importorskip("hydra_plugins.hydra_submitit_launcher.config", reason="the extra `cluster`")
    known = {field.name for field in fields(config.SlurmQueueConf)}
    found = composed("hydra.launcher.partition=gpu", "hydra.launcher.gpus_per_node=8")
    assert set(found) <= known
    assert (found.partition, found.gpus_per_node, found.tasks_per_node) == ("gpu", 8, 1)


def test_a_job_that_runs_out_of_time_is_queued_again():
    found = composed()
    assert found.max_num_timeout > 0
    assert found.timeout_min >= 60
    assert found._target_.endswith("SlurmLauncher")
