import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.boxes import AnswerGrid, Box, ParseFailure
from medloc.rewards import REWARDS, Answer, Moment, format_reward, group_shares, is_dead, judge
from tests.strategies import IOUS, boxes_with_area, hostile_texts

TRUTH = Box(60, 90, 300, 450)
EVERY = [reward for presets in REWARDS.values() for reward in presets.values()]
OF_IOU = [REWARDS["threshold"][None], REWARDS["raw_iou"][None], REWARDS["dr_seg"][None], *REWARDS["v_triune"].values()]
PROGRESS = st.floats(0.0, 1.0, exclude_max=True)


def test_judge_reads_maps_and_measures():
    # a grid of 1000 on an image of 600 x 450
    grid = AnswerGrid("thousand", 1000, 1000)
    answer = judge("[100, 200, 500, 1000]", TRUTH, lambda box: grid.to_original(box, 600, 450))
    assert answer == Answer("[100, 200, 500, 1000]", Box(60, 90, 300, 450), TRUTH, 1.0)


def test_judge_rounds_the_iou_once_to_six_decimals():
    # 2 of 3 columns: 2/3
    assert judge("[0,0,2,1]", Box(0, 0, 3, 1), lambda box: box).iou == 0.666667


def test_an_answer_without_a_box_has_iou_zero_and_is_not_mapped():
    answer = judge("no idea", TRUTH, lambda box: pytest.fail("mapped"))
    assert answer == Answer("no idea", ParseFailure("no bracket"), TRUTH, 0.0)


@given(hostile_texts(), st.sampled_from(EVERY), PROGRESS)
def test_any_text_earns_between_zero_and_one(text, reward, progress):
    answer = judge(text, TRUTH, lambda box: box)
    assert 0.0 <= reward(answer, Moment(tau=0.5, progress=progress)) <= 1.0


@given(hostile_texts(), st.sampled_from(EVERY), PROGRESS)
def test_an_answer_without_a_box_earns_nothing(text, reward, progress):
    answer = judge(text.replace("]", "").replace("<answer>", ""), TRUTH, lambda box: box)
    assert not answer.box
    assert reward(answer, Moment(tau=0.5, progress=progress)) == 0.0


@given(st.lists(IOUS, min_size=2, max_size=2), st.sampled_from(OF_IOU), IOUS, PROGRESS)
def test_a_better_iou_never_earns_less(ious, reward, tau, progress):
    moment = Moment(tau, progress)
    low, high = (reward(Answer("", TRUTH, TRUTH, iou), moment) for iou in sorted(ious))
    assert low <= high


@given(boxes_with_area(), boxes_with_area(), st.sampled_from(["raw_giou", "vision_r1"]), PROGRESS)
def test_a_better_giou_never_earns_less(a, b, name, progress):
    answers = sorted((Answer("", box, TRUTH, 0.0) for box in (a, b)), key=lambda answer: answer.giou)
    low, high = (REWARDS[name][None](answer, Moment(None, progress)) for answer in answers)
    assert low <= high


@given(boxes_with_area(), st.sampled_from([reward for reward in EVERY if reward is not format_reward]), PROGRESS)
def test_the_true_box_earns_everything_at_any_time(box, reward, progress):
    assert reward(Answer("", box, box, 1.0), Moment(0.8, progress)) == 1.0


@pytest.mark.parametrize(
    ("rewards", "dead"),
    [([0.0, 0.0], True), ([1.0, 1.0, 1.0], True), ([0.0, 1.0], False), ([0.25, 0.250002], False), ([0.0, 1e-6], False)],
)
def test_a_group_is_dead_where_all_rewards_are_equal(rewards, dead):
    assert is_dead(rewards) is dead


def test_shares_of_groups_that_miss_are_mixed_and_hit():
    # four groups: one without a hit, two mixed, one all hits
    hits = [[False, False], [True, False], [False, True], [True, True]]
    assert group_shares(hits) == (0.25, 0.5, 0.25)
    assert group_shares([[False], [True], [True]]) == (1 / 3, 0.0, 2 / 3)


def test_the_giou_of_an_answer_is_rounded_and_least_without_a_box():
    # [0,0,2,2] and [1,1,3,3]: 1/7 - 2/9 = -5/63
    assert Answer("", Box(1, 1, 3, 3), Box(0, 0, 2, 2), 0.0).giou == -0.079365
    assert Answer("", ParseFailure("no bracket"), TRUTH, 0.0).giou == -1.0


@pytest.mark.parametrize(
    ("tau", "progress", "message"),
    [
        (1.5, 0.0, r"tau=1\.5"),
        (float("nan"), 0.0, "tau=nan"),
        (0.5, 1.0, r"progress=1\.0"),
        (None, -0.1, "progress="),
    ],
)
def test_a_moment_outside_the_run_is_refused(tau, progress, message):
    with pytest.raises(ValueError, match=message):
        Moment(tau, progress)


def test_the_ends_of_a_moment_are_inside():
    assert (Moment(1.0, 0.0).tau, Moment(0.0, 0.999).tau) == (1.0, 0.0)
