import pytest

from medloc.boxes import Box, ParseFailure
from medloc.rewards import Answer, Moment
from medloc.rewards.giou_threshold import giou_threshold, scaled_giou

TRUTH = Box(3, 0, 4, 1)
APART = Answer("", Box(0, 0, 1, 1), TRUTH, 0.0)  # GIoU 0 - (4 - 2) / 4 = -1/2; half of 1 + that is 1/4
MISS = Answer("", ParseFailure("none"), TRUTH, 0.0)


@pytest.mark.parametrize(("tau", "reward"), [(0.25, 1.0), (0.250001, 0.0), (0.0, 1.0), (0.9, 0.0)])
def test_the_threshold_is_inclusive_on_the_scale_of_the_window(tau, reward):
    assert scaled_giou(APART, Moment(tau, 0.0)) == 0.25
    assert giou_threshold(APART, Moment(tau, 0.0)) == reward


def test_no_box_is_a_miss_even_at_zero():
    assert scaled_giou(MISS, Moment(0.0, 0.0)) == giou_threshold(MISS, Moment(0.0, 0.0)) == 0.0


def test_without_a_tau_it_says_what_to_do():
    with pytest.raises(ValueError, match="reward=giou_threshold needs a tau"):
        giou_threshold(APART, Moment(None, 0.0))
