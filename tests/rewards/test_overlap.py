import pytest
from hypothesis import given

from medloc.boxes import Box, ParseFailure
from medloc.rewards import Answer, Moment
from medloc.rewards.overlap import giou_threshold, raw_giou, scaled_giou
from tests.strategies import boxes_with_area

NOW = Moment(None, 0.0)


@pytest.mark.parametrize(
    ("box", "truth", "reward"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
        (Box(0, 0, 2, 2), Box(1, 1, 3, 3), 0.4603175),  # GIoU -5/63 = -0.079365 in six decimals
        (Box(0, 0, 2, 2), Box(2, 0, 4, 2), 0.5),  # GIoU 0: no overlap, and half of everything
        (Box(0, 0, 1, 1), Box(3, 0, 4, 1), 0.25),  # GIoU -1/2
        (Box(0, 0, 1e9, 1e9), Box(0, 0, 1, 1), 0.5),  # covers its hull: GIoU is IoU, 0 in six decimals
        (Box(1e9, 1e9, 1e9 + 1, 1e9 + 1), Box(0, 0, 1, 1), 1e-6),  # GIoU -1 in six decimals: still a box
    ],
)
def test_half_of_one_plus_giou(box, truth, reward):
    assert raw_giou(Answer("", box, truth, 0.0), NOW) == pytest.approx(reward, abs=1e-12)


@given(boxes_with_area(), boxes_with_area())
def test_a_box_is_never_worth_nothing(box, truth):
    assert raw_giou(Answer("", box, truth, 0.0), NOW) > 0.0


@pytest.mark.parametrize("box", [Box(5, 5, 5, 5), Box(9, 9, 1, 1), Box(-1e9, 0, -1e9, 0)])
def test_a_box_without_area_is_worth_more_than_no_box(box):
    truth = Box(0, 0, 10, 10)
    assert raw_giou(Answer("", box, truth, 0.0), NOW) > raw_giou(Answer("", ParseFailure("x"), truth, 0.0), NOW) == 0.0


def test_of_two_misses_the_nearer_earns_more():
    truth = Box(0, 0, 10, 10)
    near, far = (raw_giou(Answer("", Box(x, 0, x + 10, 10), truth, 0.0), NOW) for x in (12, 40))
    assert near > far


TRUTH = Box(3, 0, 4, 1)
APART = Answer("", Box(0, 0, 1, 1), TRUTH, 0.0)  # GIoU 0 - (4 - 2) / 4 = -1/2; half of 1 + that is 1/4
MISS = Answer("", ParseFailure("none"), TRUTH, 0.0)


@pytest.mark.parametrize(("tau", "reward"), [(0.25, 1.0), (0.250001, 0.0), (0.0, 1.0), (0.9, 0.0)])
def test_the_threshold_is_inclusive_on_the_scale_of_the_window(tau, reward):
    assert scaled_giou(APART) == 0.25
    assert giou_threshold(APART, Moment(tau, 0.0)) == reward


def test_no_box_is_a_miss_even_at_zero():
    assert scaled_giou(MISS) == giou_threshold(MISS, Moment(0.0, 0.0)) == 0.0


def test_without_a_tau_it_says_what_to_do():
    with pytest.raises(ValueError, match="reward=giou_threshold needs a tau"):
        giou_threshold(APART, Moment(None, 0.0))
