import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.evaluation.metrics import THRESHOLDS, scores_of

IOUS = st.lists(st.integers(0, 10**6).map(lambda micro: micro / 10**6), min_size=1)


def accuracy(ious, threshold):
    return sum(iou >= threshold for iou in ious) / len(ious)


def test_thresholds_are_the_decimals_themselves():
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def test_hand_computed():
    # IoUs            0.00  0.50  0.799999  0.80  1.00
    # thresholds met     0     1         6     7    10   -> map = 24 / 50 = 0.48
    # a50 = 4/5, a80 = 2/5, mean = 3.099999 / 5, one of five answers held no box
    assert scores_of([None, 0.5, 0.799999, 0.8, 1.0]) == {
        "n": 5,
        "a50": 0.8,
        "a80": 0.4,
        "map": 0.48,
        "mean_iou": pytest.approx(0.6199998),
        "parse_rate": 0.8,
    }


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_an_iou_on_the_threshold_reaches_it(threshold):
    met = THRESHOLDS.index(threshold) + 1
    assert scores_of([threshold])["map"] == met / 10
    assert scores_of([round(threshold - 1e-6, 6)])["map"] == (met - 1) / 10


def test_no_images_is_missing_not_zero():
    assert list(scores_of([]).values()) == [0, None, None, None, None, None]


def test_boxes_without_text_have_no_parse_rate():
    assert list(scores_of([1.0], texts=False).values()) == [1, 1.0, 1.0, 1.0, 1.0, None]


@pytest.mark.parametrize("iou", [-0.1, 1.1, float("nan")])
def test_an_impossible_iou_is_refused(iou):
    with pytest.raises(ValueError, match="must lie in"):
        scores_of([iou])


@given(IOUS)
def test_one_pass_agrees_with_the_definition(ious):
    metrics = scores_of(iter(ious))
    assert metrics["a50"] == accuracy(ious, 0.5)
    assert metrics["a80"] == accuracy(ious, 0.8)
    assert metrics["n"] == len(ious)
    # Section 4.1: mAP = 1/K sum_k Acc_k, K = 10
    assert metrics["map"] == pytest.approx(sum(accuracy(ious, i / 100) for i in range(50, 100, 5)) / 10)
    assert metrics["a80"] <= metrics["map"] + 0.4 * metrics["a50"]
