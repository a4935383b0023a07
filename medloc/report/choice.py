"""Which test images are shown: chosen by rule from the overlaps, never by hand."""

from collections.abc import Sequence
from typing import NamedTuple

FAILED = 0.5
"""An answer below this IoU is a failure: it misses A@0.5."""

DIFFERENCE_RULE = (
    "All test images in the order of the difference of IoU, ours minus baseline, equal ones in test order: shown are "
    "the last, the (lower) middle and the first."
)
FAILURE_RULE = (
    f"All test images that ours answers below IoU {FAILED}, in the order of IoU, equal ones in test order: shown are "
    "the first, the (lower) middle and the last."
)


class Choice(NamedTuple):
    """A test image and why it is shown."""

    why: str
    place: int  # in test order


def extreme_differences(ours: Sequence[float], baseline: Sequence[float]) -> list[Choice]:
    """Choose by `DIFFERENCE_RULE`.

    Raises:
        ValueError: There is not one overlap of each per image, or no image at all.
    """
    if len(ours) != len(baseline) or not len(ours):
        raise ValueError(f"{len(ours)} and {len(baseline)} images cannot be compared.")
    order = sorted(range(len(ours)), key=lambda place: ours[place] - baseline[place])
    return [
        Choice("largest gain", order[-1]),
        Choice("median difference", _middle(order)),
        Choice("largest loss", order[0]),
    ]


def failures(ours: Sequence[float]) -> list[Choice]:
    """Choose by `FAILURE_RULE`; fewer than three where fewer failed."""
    order = sorted((place for place, iou in enumerate(ours) if iou < FAILED), key=lambda place: ours[place])
    if len(order) < 3:
        return [Choice(f"failure {number} of {len(order)}", place) for number, place in enumerate(order, start=1)]
    return [
        Choice("worst failure", order[0]),
        Choice("median failure", _middle(order)),
        Choice("mildest failure", order[-1]),
    ]


def _middle(order: Sequence[int]) -> int:
    return order[(len(order) - 1) // 2]
