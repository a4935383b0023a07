import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.report.figures.gallery import Choice, extreme_differences, failures

IOUS = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_differences_by_hand():
    # ours - baseline: -0.25, 0.5, 0, 0.25, 0.5; in order -0.25 (0), 0 (2), 0.25 (3), 0.5 (1), 0.5 (4)
    ours, baseline = [0.25, 0.5, 0.5, 0.5, 0.75], [0.5, 0, 0.5, 0.25, 0.25]
    assert extreme_differences(ours, baseline) == [
        Choice("largest gain", 4),  # of the two with 0.5 the last
        Choice("median difference", 3),
        Choice("largest loss", 0),
    ]


def test_failures_by_hand():
    # below 0.5: 0.4 (1), 0 (2), 0.4 (4), 0.1 (5); in order 0 (2), 0.1 (5), 0.4 (1), 0.4 (4): the lower median is 5
    ious = [0.5, 0.4, 0.0, 0.9, 0.4, 0.1]
    assert failures(ious) == [Choice("worst failure", 2), Choice("median failure", 5), Choice("mildest failure", 4)]
    assert failures([0.7, 0.2]) == [Choice("failure 1 of 1", 1)]
    assert failures([0.2, 0.1]) == [Choice("failure 1 of 2", 1), Choice("failure 2 of 2", 0)]
    assert failures([0.5]) == []


@given(IOUS, st.randoms(use_true_random=False))
def test_no_image_is_more_extreme(ours, draw):
    baseline = [draw.random() for _ in ours]
    gains = [mine - theirs for mine, theirs in zip(ours, baseline, strict=True)]
    best, middle, worst = (gains[choice.place] for choice in extreme_differences(ours, baseline))
    assert (best, worst) == (max(gains), min(gains))
    assert sum(gain < middle for gain in gains) <= len(gains) / 2
    assert sum(gain > middle for gain in gains) <= len(gains) / 2


@given(IOUS)
def test_only_failures_are_shown_as_such(ours):
    chosen = failures(ours)
    assert all(ours[choice.place] < 0.5 for choice in chosen)
    assert len({choice.place for choice in chosen}) == len(chosen) == min(3, sum(iou < 0.5 for iou in ours))


def test_unequal_numbers_of_images_are_refused():
    with pytest.raises(ValueError, match="2 and 1 images"):
        extreme_differences([0.1, 0.2], [0.1])
