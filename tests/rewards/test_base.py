import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.boxes import Box, ParseFailure, to_original
from medloc.rewards import REWARDS, Answer, Moment, judge
from tests.strategies import hostile_texts

TRUTH = Box(60, 90, 300, 450)


def test_judge_reads_maps_and_measures():
    # a grid of 1000 on an image of 600 x 450
    answer = judge("[100, 200, 500, 1000]", TRUTH, lambda box: to_original(box, 600, 450, 1000, 1000))
    assert answer == Answer("[100, 200, 500, 1000]", Box(60, 90, 300, 450), TRUTH, 1.0)


def test_judge_rounds_the_iou_once_to_six_decimals():
    # 2 of 3 columns: 2/3
    assert judge("[0,0,2,1]", Box(0, 0, 3, 1), lambda box: box).iou == 0.666667


def test_an_answer_without_a_box_has_iou_zero_and_is_not_mapped():
    answer = judge("no idea", TRUTH, lambda box: pytest.fail("mapped"))
    assert answer == Answer("no idea", ParseFailure("no bracket"), TRUTH, 0.0)


@given(hostile_texts(), st.sampled_from(sorted(REWARDS)))
def test_any_text_earns_between_zero_and_one(text, name):
    answer = judge(text, TRUTH, lambda box: box)
    assert 0.0 <= REWARDS[name](answer, Moment(tau=0.5, progress=0.0)) <= 1.0


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
