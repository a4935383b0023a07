"""A worker that dies says why, however it dies: its error from the first import on, the signal, or its status."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from medloc.spec.compose import compose_job
from medloc.training.callbacks.stop import DivergedError
from medloc.training.distributed import launch as workers
from medloc.training.runner.machine import Stopped
from medloc.training.tracking.follow import Tracker, open_tracker
from tests.report.conftest import fabricate
from tests.training import dying
from tests.training.launched import job_on

ENDS = [
    (dying.killed, "a worker of the run was ended by SIGKILL: killed, or out of memory; the same command goes on."),
    (dying.broken, "KeyError: 'tracking'"),
]


@pytest.mark.parametrize(("worker", "says"), ENDS)
def test_a_worker_that_dies_says_why(worker, says, monkeypatch, tmp_path, cache, capfd):
    monkeypatch.setattr(workers, "worker", worker)
    before = signal.getsignal(signal.SIGTERM)
    job = job_on(2, tmp_path / "results", cache, "launch.processes=1", "train.per_device_batch=8")
    with pytest.raises(ValueError, match=r"\w") as caught:
        workers.do_job(job)
    assert str(caught.value) == says
    said = capfd.readouterr().err
    assert ("in _broken" in said) is (worker is dying.broken)  # an internal error shows its stack
    assert "torch.distributed.elastic" not in said.replace("torch/distributed/elastic", "")
    assert signal.getsignal(signal.SIGTERM) == before


def test_sigterm_reaches_the_workers_and_stops_the_command(monkeypatch, tmp_path, cache):
    monkeypatch.setattr(workers, "worker", dying.waiting)
    job = job_on(2, tmp_path / "results", cache, "launch.processes=1", "train.per_device_batch=8")

    def ask():
        while not (tmp_path / "results" / "started").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask, daemon=True).start()
    with pytest.raises(Stopped):
        workers.do_job(job)
    assert (tmp_path / "results" / "asked").exists()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (-signal.SIGABRT, "a worker of the run was ended by SIGABRT; the same command goes on."),
        (7, "a worker of the run ended with exit status 7, and recorded no error."),
    ],
)
def test_a_worker_that_recorded_nothing_is_told_by_its_status(status, says, tmp_path):
    assert workers._reason(tmp_path, ProcessFailure(0, 1, int(status), "")) == says


@pytest.mark.parametrize("error", [FileNotFoundError("no file"), DivergedError("no file")])
def test_a_user_s_mistake_is_recorded_as_one_line(error, monkeypatch, tmp_path, capfd):
    """Whatever its class; in this process, with an exit in the place of the worker's."""
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    monkeypatch.setattr("medloc.training.runner.runner.run_job", lambda *_, **__: (_ for _ in ()).throw(error))
    monkeypatch.setattr("os._exit", lambda status: pytest.exit if status != workers.FAILED else None)
    workers.worker(compose_job(["device=cpu"]))
    assert workers._reason(tmp_path, ProcessFailure(0, 1, workers.FAILED, "")) == "no file"
    assert capfd.readouterr().err == ""


SHELL = {"RANK": "1"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
LAUNCH_DDP = r"^launch=\w+: the environment has .*: `python -m medloc\.run launch=ddp launch\.processes=N`, or unset"


@pytest.mark.parametrize(
    ("launch", "environment"),
    [
        ((), TORCHRUN),
        (("launch=ddp", "train.per_device_batch=8"), TORCHRUN),
        ((), {"LOCAL_RANK": "0"}),
        ((), {"WORLD_SIZE": "2"}),
        ((), {"PMI_SIZE": "4"}),
    ],
)
def test_inside_torchrun_or_mpi_one_line_names_ddp(launch, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=LAUNCH_DDP) as caught:
        workers.do_job(compose_job(["device=cpu", *launch]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("launch", "environment"),
    [
        ((), SHELL),
        ((), {"WORLD_SIZE": "1", "LOCAL_RANK": ""}),
        (("launch=ddp", "train.per_device_batch=8"), {"LOCAL_RANK": "0", "WORLD_SIZE": "2"}),  # torchrun sets its own
    ],
)
def test_what_makes_nobody_wait_is_allowed(launch, environment):
    workers.check_environment(compose_job(["device=cpu", *launch]).settings.launch, environment)


def test_an_exported_rank_does_not_silence_tracking(monkeypatch, tmp_path):
    monkeypatch.setenv("RANK", "1")
    settings = compose_job(["tracking=tensorboard"]).settings
    tracker = open_tracker(settings, tmp_path, fabricate())
    tracker.close(failed=False)
    assert type(tracker) is not Tracker


@pytest.mark.slow
def test_torchrun_of_the_command_ends(tmp_path):
    """It used to wait for ever: one process for its rank, the other for the claim."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "medloc.run", "device=cpu", f"results={tmp_path}"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode != 0
    assert "medloc.run: launch=single: the environment has TORCHELASTIC_RUN_ID" in done.stderr
