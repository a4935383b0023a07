"""The paper's reward on another scale: one point for a generalised IoU that reaches the threshold in force."""

from medloc.boxes import IOU_DECIMALS
from medloc.rewards.base import Answer, Moment
from medloc.rewards.raw_giou import raw_giou


def giou_threshold(answer: Answer, moment: Moment) -> float:
    """Return 1 where (1 + GIoU) / 2 >= tau, else 0; 0 where there is no box.

    Equation 3 of MedLoc-R1 (arXiv:2603.28120v1) with GIoU, brought to [0, 1], in the place of IoU, so that a threshold
    can also tell one miss from another. GIoU 0.8 is 0.9 on this scale.

    Raises:
        ValueError: the method has no threshold.
    """
    if moment.tau is None:
        raise ValueError("reward=giou_threshold needs a tau, and this method has none; use raw_giou or a schedule.")
    return 1.0 if answer.box and scaled_giou(answer, moment) >= moment.tau else 0.0


def scaled_giou(answer: Answer, moment: Moment) -> float:
    """Return what is compared with tau, in [0, 1], rounded to 6 decimals once for reward and window."""
    return round(raw_giou(answer, moment), IOU_DECIMALS)
