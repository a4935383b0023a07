"""A worker that dies says why, however it dies: its error from the first import on, the signal, or its last words."""

import os
import signal
import subprocess
import sys

import pytest

from medloc.spec.compose import compose_job
from medloc.training.distributed import launch as workers
from medloc.training.tracking.follow import Tracker, open_tracker
from tests.report.conftest import fabricate
from tests.training.launched import job_on


@pytest.fixture
def dying(monkeypatch, tmp_path, cache):
    """Starts one worker that runs this code, and returns what the starting process says of its end."""

    def die(code):
        (tmp_path / "dying.py").write_text(code)
        command = workers.worker_command
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")

        def other(launch, folder):
            words = command(launch, folder)
            return [word.replace("medloc.training.distributed.worker", "dying") for word in words]

        monkeypatch.setattr(workers, "worker_command", other)
        job = job_on(2, tmp_path / "results", cache, "launch.processes=1", "train.per_device_batch=8")
        with pytest.raises(ValueError, match=r"\w") as caught:
            workers.do_job(job)
        return str(caught.value)

    return die


def test_a_job_that_cannot_be_read_is_named(monkeypatch, tmp_path, cache):
    """The real worker: it dies before it knows its rank."""
    monkeypatch.setattr(workers, "write_job", lambda path, job: path.write_text('{"config": {"train'))
    with pytest.raises(ValueError, match=r"^Unterminated string starting at: line 1"):
        workers.do_job(job_on(2, tmp_path / "results", cache, "launch.processes=1", "train.per_device_batch=8"))


def test_a_sigkill_alone_may_be_the_memory(dying):
    said = dying("import os\nos.kill(os.getpid(), 9)")
    assert said == "a worker of the run was ended by SIGKILL: killed, or out of memory; the same command goes on."


def test_another_signal_is_named(dying):
    said = dying(f"import os\nos.kill(os.getpid(), {int(signal.SIGABRT)})")
    assert said == "a worker of the run was ended by SIGABRT; the same command goes on."


def test_an_error_before_anything_is_recorded_is_its_last_line(dying):
    said = dying("import a_package_that_nobody_has")
    assert said == (
        "a worker of the run ended with exit status 1: ModuleNotFoundError: No module named 'a_package_that_nobody_has'"
    )


def test_an_exit_without_a_word_is_its_status(dying):
    assert dying("import os\nos._exit(7)").startswith("a worker of the run ended with exit status 7: ")


def test_an_internal_error_keeps_its_name_and_shows_its_stack(dying, capfd):
    said = dying(
        "from torch.distributed.elastic.multiprocessing.errors import record\n"
        "@record\ndef main():\n    {}['tracking']\nmain()"
    )
    assert said == "KeyError: 'tracking'"
    assert "in main" in capfd.readouterr().err


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
