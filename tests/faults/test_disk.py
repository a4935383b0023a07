"""A disk that is full, small, or gone: said before training where it can be known, a failed record where it cannot."""

import json
import random
import shutil

import pytest

from medloc.training.runner.disk_space import require_writable
from tests.faults.left import left, run_folder
from tests.faults.moments import noted
from tests.faults.process import WINDOW, Command, run

pytestmark = pytest.mark.faults

SIZES = (1_000, 3_000, 20_000, 200_000, 2_000_000, 4_400_000)  # bytes; weights have 2.2 MB, moments 4.5
TRIES = 12


def said_once(ended):
    """A failed command says one line and shows no stack."""
    assert ended.status == 2
    assert ended.err.startswith("medloc.run: ")
    assert ended.err.count("\n") == 1, ended.err


def status(root):
    """Returns what the run's record says; None where there is none yet."""
    paths = list((root / "all" / "results").glob("runs/*/record.json"))
    return json.loads(paths[0].read_text())["status"] if paths else None


@pytest.mark.parametrize("largest", SIZES)
def test_no_file_may_be_larger_than(largest, whole, tmp_path, tally):
    with tally("disk full: a file stops growing (RLIMIT_FSIZE)"):
        shutil.copytree(whole / "all" / "cache", tmp_path / "all" / "cache")  # the phantoms are there already
        ended = run(tmp_path, WINDOW, largest=largest)
        if ended.status != 0:
            said_once(ended)
            assert (
                status(tmp_path) != "complete" or not (run_folder(tmp_path) / "boxes.png").exists()
            )  # else all is there
        assert run(tmp_path, WINDOW).status == 0
        assert left(tmp_path) == left(whole)


@pytest.mark.parametrize("number", range(TRIES))
def test_no_space_left_at_a_random_operation(number, whole, tmp_path, tally):
    moments = [at for at, _ in noted(whole / "logs" / "moments", "phase")]
    stop = random.Random(number).choice(moments[number * len(moments) // TRIES :][: len(moments) // TRIES])
    with tally("disk full: ENOSPC at a file operation"):
        ended = run(tmp_path, WINDOW, stop=stop, act="full")
        if ended.status != 0:
            said_once(ended)
        assert run(tmp_path, WINDOW).status == 0
        assert left(tmp_path) == left(whole)


@pytest.mark.parametrize("key", ["results", "cache"])
def test_a_folder_below_a_file_is_refused_before_anything_is_done(key, tmp_path, tally):
    (tmp_path / "file").write_text("")
    with tally("a folder that cannot be"):
        ended = run(tmp_path, f"{key}={tmp_path}/file/folder")
        said_once(ended)
        assert f"{key}={tmp_path}/file/folder cannot be made: {tmp_path}/file is not a folder" in ended.err
        assert not list(tmp_path.glob("all/results/runs/*"))


def test_a_read_only_folder_is_refused(tmp_path, monkeypatch, tally):
    """Asked of the system by `os.access`, because the superuser may write wherever the file system lets anybody."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with tally("a folder that cannot be"), pytest.raises(OSError, match=r"results=.* is read-only; give another"):
        require_writable("results", tmp_path / "new" / "folder")


def test_too_little_room_is_said_before_training(tmp_path, monkeypatch, tally):
    from medloc.spec.compose import compose_job
    from medloc.training.runner.runner import run_job
    from tests.small import overrides

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=20_000_000))
    with tally("too little room"):
        job = compose_job(overrides(tmp_path / "all" / "results", tmp_path / "cache"))
        with pytest.raises(OSError, match=r"has room for 20\.0 MB, and 3 checkpoints of 6\.\d MB .* need 2\d\.\d MB"):
            run_job(job)
        assert status(tmp_path) == "failed"
        assert not (run_folder(tmp_path) / "trace.jsonl").read_text()


def test_a_folder_that_vanishes_while_it_is_written(tmp_path, whole, tally):
    """Somebody deletes the run after its fourth step: it fails, and the same command makes it anew."""
    moments = [at for at, phase in noted(whole / "logs" / "moments", "phase") if phase == "checkpoint"]
    with tally("a folder that vanishes"):
        command = Command(tmp_path, WINDOW, stop=moments[len(moments) // 3], act="tell")
        assert command.told.poll(900)
        shutil.rmtree(tmp_path / "all" / "results", ignore_errors=True)
        ended = command.wait()
        assert ended.status in (0, 2)  # 0: it was faster
        if ended.status == 2:
            said_once(ended)
            assert status(tmp_path) != "complete"
        assert run(tmp_path, WINDOW).status == 0
        assert left(tmp_path) == left(whole)
