"""A run on two processes that a service follows: rank 0 reports it, once, and it is the run that it is untracked."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medloc.training.distributed.launch import do_job
from tests.training.launched import job_on
from tests.training.tracking.wandb_file import sessions


def followed(folder, service):
    """Returns the steps of the reward, the evaluated steps, and the number of sessions of a finished run."""
    if service == "wandb":
        told = sessions(folder)
        return *([*told[-1].series(name)] for name in ("train/reward", "eval/a50")), len(told)
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    steps = ([point.step for point in events.Scalars(name)] for name in ("train/reward", "eval/a50"))
    return *steps, len(list((folder / "tensorboard").iterdir()))


@pytest.mark.slow
@pytest.mark.parametrize("service", ["tensorboard", "wandb"])
def test_a_run_on_two_processes_is_followed_once(service, tmp_path, cache, monkeypatch):
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    offline = ("tracking.mode=offline",) if service == "wandb" else ()
    done = do_job(job_on(2, tmp_path, cache, "train.max_steps=3", f"tracking={service}", *offline))
    assert done.record.status == "complete"
    assert done.notes[-1].startswith(f"tracking: {service}")
    assert followed(done.folder, service) == ([1, 2, 3], [0, 2, 3], 1)
