import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.boxes import Box, ParseFailure
from medloc.rewards import Answer, Moment, StatefulReward, reward_for, threshold
from medloc.rewards.dr_seg import LENGTH, ZEROS, DrSeg
from tests.strategies import IOUS, ious_of_steps

TRUTH = Box(0, 0, 10, 10)
NOW = Moment(None, 0.0)


def earned(reward, iou):
    return reward(Answer("", TRUTH, TRUTH, iou), NOW)


def remembering(ious):
    reward = DrSeg()
    reward.load_state_dict({"ious": ious})
    return reward


def test_the_rank_counts_what_is_not_above_in_tenths():
    reward = remembering([0.1, 0.2, 0.2, 0.9])
    # 0, 1, 3, 3 and 4 of 4 are at most 0, 0.1, 0.2, 0.89 and 0.9; 1/4 rounds to 0.2, 3/4 to 0.8
    assert [earned(reward, iou) for iou in (0.0, 0.1, 0.2, 0.89, 0.9)] == [0.0, 0.2, 0.8, 0.8, 1.0]


def test_it_starts_with_zeros_so_that_any_box_earns_everything_and_no_box_nothing():
    assert earned(DrSeg(), 0.0) == 1.0
    assert DrSeg()(Answer("", ParseFailure("no bracket"), TRUTH, 0.0), NOW) == 0.0


def test_a_step_counts_once_it_is_over():
    reward = DrSeg()
    reward.observe([[0.5, 0.7], [0.9, 0.0]])
    # 128 zeros and the fourth IoU of 132: 129/132 = 0.977, which is 1.0 in tenths
    assert earned(reward, 0.0) == 1.0
    reward.observe([[0.8] * 64] * 2)  # now 129 of 260 are 0, 131 of 260 at most 0.7
    assert (earned(reward, 0.0), earned(reward, 0.79), earned(reward, 0.8)) == (0.5, 0.5, 1.0)


def test_only_the_last_2048_are_remembered():
    reward = DrSeg()
    reward.observe([[0.5] * (LENGTH - ZEROS)])
    assert reward.state_dict()["ious"][:ZEROS] == [0.0] * ZEROS
    reward.observe([[0.9] * ZEROS])  # the zeros are the oldest
    assert reward.state_dict()["ious"] == [0.5] * (LENGTH - ZEROS) + [0.9] * ZEROS
    assert earned(reward, 0.4) == 0.0


@given(ious_of_steps(), ious_of_steps(), IOUS)
def test_a_state_that_went_through_a_file_goes_on_as_if_nothing_had_happened(before, after, iou):
    straight, resumed = DrSeg(), DrSeg()
    for step in before:
        straight.observe(step)
    resumed.load_state_dict(json.loads(json.dumps(straight.state_dict())))
    for step in after:
        assert earned(straight, iou) == earned(resumed, iou)
        straight.observe(step)
        resumed.observe(step)
    assert straight.state_dict() == resumed.state_dict()


@given(ious_of_steps(), st.lists(IOUS, min_size=2, max_size=2))
def test_a_better_iou_never_ranks_lower(steps, ious):
    reward = DrSeg()
    for step in steps:
        reward.observe(step)
    low, high = (earned(reward, iou) for iou in sorted(ious))
    assert 0.0 <= low <= high <= 1.0


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "must have ious alone"),
        ({"ious": [0.5], "more": 1}, r"has the keys \['ious', 'more'\]"),
        ([0.5], "has the keys list; it must have ious alone"),
        ({"ious": []}, "ious=<0 values> must be 1 to 2048"),
        ({"ious": "x" * 99}, "^ious=" + "x" * 80 + " must be 1 to 2048"),
        ({"ious": [0.5] * 2049}, "ious=<2049 values>"),
        ({"ious": [1.5]}, r"numbers in \[0, 1\]"),
        ({"ious": [float("nan")]}, r"numbers in \[0, 1\]"),
    ],
)
def test_a_wrong_state_is_refused(state, message):
    with pytest.raises(ValueError, match=message):
        DrSeg().load_state_dict(state)


@pytest.mark.parametrize("length", [1, LENGTH])
def test_the_shortest_and_the_longest_memory_are_taken_over(length):
    assert remembering([0.5] * length).state_dict() == {"ious": [0.5] * length}


def test_two_runs_share_no_memory():
    first, second = reward_for("dr_seg", None), reward_for("dr_seg", None)
    assert isinstance(first, StatefulReward)
    first.observe([[0.9] * 500])
    assert earned(first, 0.1) == 0.2  # 128 of 628
    assert earned(second, 0.1) == 1.0


def test_a_reward_without_memory_is_not_taken_for_one():
    assert not isinstance(threshold, StatefulReward)
