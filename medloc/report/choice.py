"""Which test images are shown: chosen by rule from the overlaps, never by hand."""

from collections.abc import Sequence
from typing import NamedTuple

FAILED = 0.5
"""An answer below this IoU is a failure: it misses A@0.5."""

DIFFERENCE_RULE = (
    "Of all test images in the order of (ours - baseline) IoU: the largest gain, the median and the largest loss; "
    "of equal ones the first in test order."
)
FAILURE_RULE = (
    f"Of all test images that ours answers below IoU {FAILED}, in the order of IoU: the worst, the median and the "
    "mildest; of equal ones the first in test order."
)


class Choice(NamedTuple):
    """A test image and why it is shown."""

    why: str
    place: int  # in test order


def extreme_differences(ours: Sequence[float], baseline: Sequence[float]) -> list[Choice]:
    """Choose by `DIFFERENCE_RULE`; the lower median of an even number.

    Raises:
        ValueError: There is not one overlap of each per image, or no image at all.
    """
    if len(ours) != len(baseline) or not len(ours):
        raise ValueError(f"{len(ours)} and {len(baseline)} images cannot be compared.")
    gains = [mine - theirs for mine, theirs in zip(ours, baseline, strict=True)]
    order = sorted(range(len(gains)), key=lambda place: (gains[place], place))
    best = min(range(len(gains)), key=lambda place: (-gains[place], place))
    middle = order[(len(order) - 1) // 2]
    return [Choice("largest gain", best), Choice("median difference", middle), Choice("largest loss", order[0])]


def failures(ours: Sequence[float]) -> list[Choice]:
    """Choose by `FAILURE_RULE`; fewer where fewer failed."""
    order = sorted((place for place, iou in enumerate(ours) if iou < FAILED), key=lambda place: (ours[place], place))
    if not order:
        return []
    mildest = min(order, key=lambda place: (-ours[place], place))
    chosen = {mildest: "mildest failure", order[(len(order) - 1) // 2]: "median failure", order[0]: "worst failure"}
    return [Choice(chosen[place], place) for place in reversed(chosen)]
