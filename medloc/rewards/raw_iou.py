"""The dense baseline: an answer earns its IoU."""

from medloc.rewards.base import Answer, Moment


def raw_iou(answer: Answer, moment: Moment) -> float:
    """Return the IoU of the answer in [0, 1] at any moment (the paper's "Raw-IoU" baseline, Table 1)."""
    return answer.iou
