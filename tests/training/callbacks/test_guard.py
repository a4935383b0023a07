"""Numbers that run away: seen before a checkpoint has them, named, and the run goes on from the one before."""

import json

import pytest
import torch

from medloc.runs import read_record
from medloc.spec.compose import compose_job
from medloc.spec.train import GuardSettings
from medloc.training.callbacks.stop import WARNED_AFTER, DivergedError, Guard, all_finite, streaks
from medloc.training.grpo.trainer import CurriculumGRPOTrainer
from medloc.training.runner.runner import run_job
from tests.small import overrides

BAD_STEP = 5  # checkpoints lie at 2 and 4


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def poison(monkeypatch, steps, value=float("nan")):
    """Multiplies the loss of the given optimizer steps by `value`, in the real trainer."""
    whole = CurriculumGRPOTrainer.compute_loss

    def poisoned(self, *arguments, **more):
        loss = whole(self, *arguments, **more)
        return loss * value if self.state.global_step + 1 in steps else loss

    monkeypatch.setattr(CurriculumGRPOTrainer, "compute_loss", poisoned)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint_before(tmp_path, cache, monkeypatch):
    job = compose_job(overrides(tmp_path, cache))
    poison(monkeypatch, {BAD_STEP})
    with pytest.raises(
        DivergedError, match=rf"step {BAD_STEP}: the gradient is not finite; lower train\.learning_rate"
    ):
        run_job(job)
    (folder,) = (path.parent for path in tmp_path.glob("runs/*/record.json"))
    record = read_record(folder / "record.json")
    assert (record.status, f"step {BAD_STEP}" in record.reason) == ("failed", True)
    assert [line["step"] for line in lines(folder / "trace.jsonl")] == [1, 2, 3, 4]
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["checkpoint-2", "checkpoint-4"]
    monkeypatch.undo()
    assert run_job(job).record.status == "complete"


def test_with_skip_the_step_is_left_out_and_the_run_completes_under_the_same_key(tmp_path, cache, monkeypatch):
    job = compose_job(overrides(tmp_path, cache))
    poison(monkeypatch, {2, BAD_STEP}, float("inf"))
    with pytest.raises(DivergedError):
        run_job(job)
    done = run_job(compose_job(overrides(tmp_path, cache, "guard.non_finite=skip")))
    assert done.record.status == "complete"
    assert [path.parent for path in tmp_path.glob("runs/*/record.json")] == [done.folder]
    trace = lines(done.folder / "trace.jsonl")
    assert [line["step"] for line in trace if line["loss"] is None and line["grad_norm"] is None] == [2, BAD_STEP]
    assert all(len(line["ious"]) == 2 for line in trace)  # what was sampled was seen by the curriculum all the same


def test_a_skipped_step_moves_no_weight(tmp_path, cache, monkeypatch):
    poison(monkeypatch, {1})
    given = overrides(tmp_path, cache, "guard.non_finite=skip", "train.max_steps=1", "train.weight_decay=0.1")
    done = run_job(compose_job(given))
    assert (done.folder / "start.jsonl").read_bytes() == (done.folder / "last.jsonl").read_bytes()


def test_too_many_steps_in_a_row_end_the_run_all_the_same(tmp_path, cache, monkeypatch):
    poison(monkeypatch, {3, 4, 5})
    with pytest.raises(DivergedError, match=r"step 5: the gradient is not finite, and 2 steps before it were left out"):
        run_job(compose_job(overrides(tmp_path, cache, "guard.non_finite=skip", "guard.most_skipped=2")))


def test_weights_that_run_away_never_become_a_checkpoint(tmp_path, cache):
    with pytest.raises(DivergedError, match="not finite"):
        run_job(compose_job(overrides(tmp_path, cache, "train.learning_rate=1e38", "train.checkpoints=6")))
    (folder,) = (path.parent for path in tmp_path.glob("runs/*/record.json"))
    assert not list((folder / "checkpoints").glob("*/curriculum.json"))
    assert read_record(folder / "record.json").status == "failed"


def test_a_kl_above_the_bound_ends_the_run(tmp_path, cache):
    with pytest.raises(DivergedError, match=r"step \d: kl=.* is above guard\.most_kl=1e-06; the policy has left"):
        run_job(compose_job(overrides(tmp_path, cache, "guard.most_kl=1e-6")))


class Told:
    """A trace whose last line is given."""

    def __init__(self, **line):
        self.last = line


class At:
    def __init__(self, step):
        self.global_step = step


def settings(**more):
    return GuardSettings(**{"non_finite": "stop", "most_skipped": 3, "most_kl": None, "most_dead": None} | more)


def test_dead_groups_are_named_once_a_streak(capsys):
    trace = Told(dead=1.0, kl=0.0)
    guard = Guard(settings(), trace)
    for step in range(1, 3 * WARNED_AFTER):
        trace.last["dead"] = 0.5 if step == WARNED_AFTER + 10 else 1.0
        guard.on_log(None, At(step), None, {"loss": 0.0})
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in said] == [f" step {WARNED_AFTER}", f" step {2 * WARNED_AFTER + 10}"]


def test_dead_groups_end_the_run_one_step_past_the_bound():
    guard = Guard(settings(most_dead=4), Told(dead=1.0, kl=0.0))
    for step in range(1, 5):
        guard.on_log(None, At(step), None, {"loss": 0.0})
    with pytest.raises(DivergedError, match=r"step 5: all groups were dead .* for 5 steps.* guard\.most_dead=4"):
        guard.on_log(None, At(5), None, {"loss": 0.0})


def test_the_kl_bound_itself_is_allowed():
    guard = Guard(settings(most_kl=2.0), Told(dead=0.0, kl=2.0))
    guard.on_log(None, At(1), None, {"loss": 0.0})


def test_systems_without_completions_have_neither():
    guard = Guard(settings(most_kl=1.0, most_dead=1), Told(dead=None, kl=None))
    for step in range(5):
        guard.on_log(None, At(step), None, {"loss": 0.0})
    assert guard.dead == 0


@pytest.mark.parametrize(
    ("value", "finite"), [(0.0, True), (1e18, True), (float("nan"), False), (float("-inf"), False)]
)
def test_all_finite(value, finite):
    assert all_finite([torch.zeros(3), torch.tensor([[1.0, value]])]) is finite
    assert all_finite([])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("guard.non_finite=ignore", r"guard\.non_finite=ignore is not known; use one of stop, skip"),
        ("guard.most_skipped=0", r"guard\.most_skipped=0 must be at least 1"),
        ("guard.most_kl=0", r"guard\.most_kl=0\.0 must be above 0"),
        ("guard.most_dead=-1", r"guard\.most_dead=-1 must be above 0"),
    ],
)
def test_rules_that_make_no_sense_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        compose_job([given])


def test_a_guard_changes_neither_key_nor_variant():
    job = compose_job(["guard.non_finite=skip", "guard.most_kl=null", "guard.most_dead=9"])
    assert job.variant == compose_job([]).variant


def test_under_dynamic_sampling_the_draw_that_is_trained_on_counts():
    guard = Guard(settings(most_dead=2), Told(dead=1.0, kl=0.0, revived=1))
    for step in range(1, 9):  # all groups were dead at first, and one was revived each time
        guard.on_log(None, At(step), None, {"loss": 0.0})
    guard.trace.last["revived"] = 0
    guard.on_log(None, At(9), None, {"loss": 0.0})
    guard.on_log(None, At(10), None, {"loss": 0.0})
    with pytest.raises(DivergedError, match="for 3 steps"):
        guard.on_log(None, At(11), None, {"loss": 0.0})


def test_streaks_go_on_after_a_resume(tmp_path, cache, monkeypatch):
    """Interrupted after two of three dead steps, whose checkpoint is at 2: the third ends the resumed run."""
    given = overrides(tmp_path, cache, "guard.most_dead=2", "method=vlm_r1", "method.tau=1.0")
    poison(monkeypatch, {3})
    with pytest.raises(DivergedError, match="step 3: the gradient"):
        run_job(compose_job(given))
    monkeypatch.undo()
    with pytest.raises(DivergedError, match=r"step 3: all groups were dead .* for 3 steps"):
        run_job(compose_job(given))


def test_streaks_are_read_from_the_end_of_a_trace():
    alive, dead = {"dead": 0.5, "revived": 0, "loss": 1.0}, {"dead": 1.0, "revived": 0, "loss": 1.0}
    left_out = {"dead": 1.0, "revived": 2, "loss": None, "grad_norm": None}
    assert streaks([]) == (0, 0)
    assert streaks([dead, alive, dead, dead]) == (0, 2)
    assert streaks([dead, left_out, left_out]) == (2, 0)
