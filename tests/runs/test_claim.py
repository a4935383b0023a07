"""A run belongs to one process, and a process that is killed loses it."""

import subprocess
import sys

import pytest

from medloc.runs.claim import ClaimedError, claim

HOLD = """
import sys, time
from pathlib import Path
from medloc.runs.claim import claim
with claim(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that holds the run."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_held_run_is_refused_with_its_owner_s_name(owner, tmp_path):
    with (
        pytest.raises(ClaimedError, match=rf"{tmp_path}/run is being made by process {owner.pid} on "),
        claim(tmp_path / "run"),
    ):
        pass
    with claim(tmp_path / "another run"):
        pass


def test_a_killed_owner_loses_it(owner, tmp_path):
    owner.kill()
    with claim(tmp_path / "run", wait=True):
        pass


def test_it_is_let_go_of_at_the_end_whatever_the_end(tmp_path):
    with pytest.raises(ZeroDivisionError), claim(tmp_path / "run"):
        raise ZeroDivisionError
    with claim(tmp_path / "run"):
        assert not (tmp_path / "run").exists()
