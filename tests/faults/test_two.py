"""Two processes on one results folder: each run is made once, whole; the report can be made meanwhile."""

import signal
import time

import pytest

from medloc.runs import find_records
from tests.faults.left import left
from tests.faults.moments import noted
from tests.faults.process import WINDOW, Command
from tests.small import medloc

pytestmark = pytest.mark.faults


def both(root, *commands):
    """Starts commands at once, on one results folder and one cache; returns how they ended."""
    begun = []
    for number, given in enumerate(commands):
        begun.append(Command(root, *given, logs=root / f"logs{number}"))
    return [command.wait() for command in begun]


def test_the_same_run_twice_at_once(tmp_path, whole, tally):
    with tally("two processes, one run", tries=2):
        ended = both(tmp_path / "both", [WINDOW], [WINDOW])
        assert [one.status for one in ended] == [0, 0]
        assert sum("is being made by process" in one.out or "nothing to do" in one.out for one in ended) == 1
        assert left(tmp_path / "both") == left(whole)


def test_two_sweeps_share_the_work(tmp_path, tally):
    sweep = ("-m", "hydra/launcher=basic", "seed=1,2,3", "train.max_steps=3")
    with tally("two processes, one sweep", tries=2):
        ended = both(tmp_path, sweep, sweep)
        assert [one.status for one in ended] == [0, 0], ended
        found = find_records(tmp_path / "all" / "results")
        assert not found.problems
        assert [record.status for record in found.records] == ["complete"] * 3
        assert sum(one.out.count("is being made by process") for one in ended) >= 1


def test_a_killed_owner_loses_its_claim(tmp_path, whole, tally):
    with tally("the owner of a run is killed"):
        root = tmp_path / "both"
        moments = [at for at, phase in noted(whole / "logs" / "moments", "phase") if phase == "generation"]
        owner = Command(root, WINDOW, stop=moments[8], act="tell", logs=tmp_path / "owner")
        assert owner.told.poll(900)
        other = Command(root, WINDOW, logs=tmp_path / "other")
        while "is being made by" not in (tmp_path / "other" / "out").read_text() and other.process.is_alive():
            if not owner.process.is_alive():
                break
            time.sleep(0.02)
        owner.process.kill()
        assert owner.wait().status in (-signal.SIGKILL, 0)
        assert other.wait().status == 0
        assert left(root) == left(whole)


def test_the_report_reads_a_folder_that_is_being_written(tmp_path, tally):
    with tally("a report while runs are written", tries=3):
        sweep = Command(tmp_path, "-m", "hydra/launcher=basic", "seed=1,2,3,4", "schedule=piecewise,linear")
        for _ in range(3):
            said = medloc("report", f"results={tmp_path / 'all' / 'results'}")
            assert said.returncode == 0, said.stderr
        assert sweep.wait().status == 0
        said = medloc("report", f"results={tmp_path / 'all' / 'results'}")
        assert "8 complete" in said.stdout
