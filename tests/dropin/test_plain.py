import importlib.util
import json

import pytest

from medloc.dropin.plain import PlainReward
from medloc.spec.compose import compose_curriculum
from tests.small import CHECKOUT

TRUTH = [0, 0, 100, 100]
WORDS = ("schedule=piecewise", "window.size=2", "criteria=only_reward")


def answer(iou):
    """A box inside the truth that overlaps it by `iou`, in whole hundredths."""
    return f"[0, 0, 100, {round(100 * iou)}]"


@pytest.fixture
def example():
    """The example file, loaded afresh as a trainer loads it: its threshold belongs to the run."""
    path = CHECKOUT / "examples" / "other_trainers.py"
    spec = importlib.util.spec_from_file_location("other_trainers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_pays_and_raises_as_the_curriculum_itself_does():
    reward, bare = PlainReward(*WORDS, group_size=2, groups_per_step=2), compose_curriculum(WORDS)
    for ious in ([[0.4, 0.2], [0.5, 0.9]], [[0.5, 0.6], [0.4, 0.9]], [[0.5, 0.44], [0.45, 1.0]]):
        paid = [[reward(answer(iou), TRUTH) for iou in group] for group in ious]
        assert paid == [[float(iou >= bare.tau) for iou in group] for group in ious]
        bare.observe(ious)
        assert reward.tau == bare.tau
    assert reward.tau > 0.3  # it did rise
    assert reward.state_dict() == bare.state_dict()


def test_validation_does_not_count():
    reward = PlainReward(*WORDS, group_size=1, groups_per_step=1)
    assert [reward.score(answer(iou), TRUTH) for iou in (0.2, 0.3, 1.0)] == [0.0, 1.0, 1.0]
    assert reward.decision is None
    assert reward.tau == 0.3


def test_a_state_goes_on():
    one = PlainReward(*WORDS, group_size=1, groups_per_step=1)
    for _ in range(2):
        one(answer(0.9), TRUTH)
    other = PlainReward(*WORDS, group_size=1, groups_per_step=1)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert other.tau == one.tau > 0.3


def test_answers_in_another_space_are_mapped():
    reward = PlainReward(group_size=1, groups_per_step=1)
    assert reward("[0, 0, 1000, 1000]", TRUTH, lambda box: box.scaled(0.1, 0.1)) == 1.0
    assert reward("nothing to see", TRUTH) == 0.0


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match="groups_per_step=0 must be at least 1"):
        PlainReward(group_size=8, groups_per_step=0)


def test_the_three_conventions_share_one_threshold(example):
    """64 answers make a step; a window of 30 steps of hits raises tau, whichever trainer's function brought them."""
    for step in range(30):
        assert example.reward.tau == 0.3
        if step % 3 == 0:
            paid = [example.compute_score("lesions", answer(0.9), TRUTH, {"split": "train"}) for _ in range(64)]
        elif step % 3 == 1:
            inputs = [{"response": answer(0.9), "response_length": 9, "ground_truth": TRUTH}] * 64
            paid = [one["overall"] for one in example.compute_scores(inputs)]
        else:
            paid = example.MedlocReward()([answer(0.9)] * 64, solution=[TRUTH] * 64, prompt_id=["x"] * 64)
        assert paid == [1.0] * 64
    assert example.reward.tau == 0.45
    assert example.compute_score("lesions", answer(0.4), TRUTH, {"split": "test"}) == 0.0
    assert example.reward._pending == []
