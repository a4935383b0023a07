"""SIGTERM, as a cluster sends it: the run leaves a checkpoint of this very step, says how to go on, loses nothing."""

import random

import pytest

from medloc.runs import read_record
from medloc.training.runner.checkpoint import checkpoint_step, newest_checkpoint
from tests.faults.left import left, run_folder, states
from tests.faults.moments import noted
from tests.faults.process import WINDOW, run

pytestmark = pytest.mark.faults

PHASES = ("data preparation", "generation", "generation", "generation", "checkpoint", "evaluation")
SECRET = "a-key-that-nobody-may-see"


@pytest.mark.parametrize("number", range(len(PHASES)))
def test_asked_to_end(number, whole, tmp_path, tally):
    draw = random.Random(number)
    moments = [at for at, phase in noted(whole / "logs" / "moments", "phase") if phase == PHASES[number]]
    with tally("SIGTERM"):
        ended = run(tmp_path, WINDOW, stop=draw.choice(moments), act="term")
        assert ended.status == 143
        assert ended.err.endswith("skips what is complete and goes on from the last checkpoint.\n")
        if PHASES[number] == "generation" and read_record(run_folder(tmp_path) / "record.json").status == "running":
            traced = (run_folder(tmp_path) / "trace.jsonl").read_text().count("\n")
            newest = newest_checkpoint(run_folder(tmp_path) / "checkpoints")
            assert traced == 0 or checkpoint_step(newest) == traced  # no step is lost
        assert run(tmp_path, WINDOW).status == 0
        assert left(tmp_path) == left(whole)
        common = states(tmp_path).keys() & states(whole).keys()
        assert {name: states(tmp_path)[name] for name in common} == states(whole)


def test_a_sweep_that_is_asked_to_end_begins_no_other_run(tmp_path, whole, tally):
    moments = [at for at, phase in noted(whole / "logs" / "moments", "phase") if phase == "generation"]
    with tally("SIGTERM"):
        ended = run(tmp_path, "-m", "hydra/launcher=basic", "seed=1,2", stop=moments[5], act="term")
        assert ended.status == 143
        assert len(list((tmp_path / "all" / "results" / "runs").glob("*/record.json"))) == 1


def test_a_secret_of_the_environment_is_written_nowhere(tmp_path):
    assert run(tmp_path, environment={"WANDB_API_KEY": SECRET, "HF_TOKEN": SECRET}).status == 0
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
