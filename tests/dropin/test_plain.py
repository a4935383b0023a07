import importlib.util
import json
from itertools import product

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


NO_BOXES = [
    [82, 97, 18, 28],  # reversed
    [18, 97, 82, 28],
    [82, 28, 18, 97],
    [18, 28, 18, 97],  # no area
    [18, 28, 82, 28],
    [float("nan"), 28, 82, 97],
    [18, 28, float("inf"), 97],
    [18, 28, 82],
    [],
    None,
    "18, 28, 82, 97",
    ["a", 28, 82, 97],
    [None, 28, 82, 97],
]


def test_a_truth_that_no_answer_can_meet_is_refused_by_name_and_not_counted():
    reward = PlainReward(group_size=2, groups_per_step=1)
    for truth, call in product(NO_BOXES, (reward, reward.score)):
        with pytest.raises(ValueError, match=r"^truth=.* must be .*x0, y0, x1, y1") as caught:
            call("[20, 30, 80, 95]", truth)
        assert "\n" not in str(caught.value)
        assert reward._pending == []


def by_verl(example, rows, split):
    return [example.compute_score("lesions", text, truth, {"split": split}) for text, truth in rows]


def by_easyr1(example, rows, split):
    inputs = [{"response": text, "ground_truth": {"box": truth, "split": split}} for text, truth in rows]
    return [one["overall"] for one in example.compute_scores(inputs)]


def by_swift(example, rows, split):
    texts, truths = zip(*rows, strict=True)
    return example.MedlocReward()(list(texts), solution=list(truths), split=[split] * len(texts), prompt_id=["x"])


CONVENTIONS = (by_verl, by_easyr1, by_swift)


def test_the_three_conventions_share_one_threshold(example):
    """64 answers make a step; a window of 30 steps of hits raises tau, whichever trainer's function brought them."""
    for step in range(30):
        assert example.reward.tau == 0.3
        assert CONVENTIONS[step % 3](example, [(answer(0.9), TRUTH)] * 64, "train") == [1.0] * 64
    assert example.reward.tau == 0.45


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("split", ["val", "test"])
def test_an_evaluation_is_scored_and_never_counted(example, convention, split):
    for _ in range(40):
        assert convention(example, [(answer(0.9), TRUTH)] * 32 + [(answer(0.2), TRUTH)] * 32, split) == (
            [1.0] * 32 + [0.0] * 32
        )
    assert example.reward.decision is None
    assert (example.reward.tau, example.reward._pending) == (0.3, [])


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_row_that_does_not_say_its_split_is_refused(example, convention):
    with pytest.raises(ValueError, match=r"^split is missing; give every row"):
        convention(example, [(answer(0.9), TRUTH)], None)
    assert example.reward._pending == []
