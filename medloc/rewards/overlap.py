"""Rewards of IoU and of generalised IoU: paid as they are, or compared with the threshold in force."""

from medloc.boxes import IOU_DECIMALS
from medloc.rewards.base import SPREAD, Answer, Moment


def raw_iou(answer: Answer, moment: Moment) -> float:
    """Return the IoU of the answer in [0, 1] (the paper's "Raw-IoU" baseline, Table 1)."""
    return answer.iou


def threshold(answer: Answer, moment: Moment) -> float:
    """Return 1 for a hit, 0 for a miss.

    MedLoc-R1 (arXiv:2603.28120v1), Section 3.1.2, Equation 3: r = I[IoU(b, b*) >= tau]. An answer without a box is a
    miss at tau = 0, too.

    Raises:
        ValueError: the method has no threshold.
    """
    if moment.tau is None:
        raise ValueError("reward=threshold needs a tau, and this method has none; use raw_iou or name a schedule.")
    return float(bool(answer.box) and answer.iou >= moment.tau)


def raw_giou(answer: Answer, moment: Moment) -> float:
    """Return (1 + GIoU) / 2 in (0, 1] for a box, never below 1e-6, and 0 where there is none.

    NVIDIA NeMo RL's `bbox_giou` (nemo_rl/environments/rewards.py) pays GIoU itself, in [-1, 1], and 0 for an answer
    without a box, which is then worth more than a box far away. Half of 1 + GIoU keeps its order and its contrast
    within a group of boxes (Eq. 1 does not depend on shift and scale) and puts every box above every failure.
    """
    return _half_of_one_plus_giou(answer)


def scaled_giou(answer: Answer) -> float:
    """Return (1 + GIoU) / 2 as `giou_threshold` compares it with tau: rounded to 6 decimals, 0 without a box."""
    return round(_half_of_one_plus_giou(answer), IOU_DECIMALS)


def giou_threshold(answer: Answer, moment: Moment) -> float:
    """Return 1 where (1 + GIoU) / 2 >= tau, else 0; 0 where there is no box.

    Equation 3 of MedLoc-R1 (arXiv:2603.28120v1) with GIoU, brought to [0, 1], in the place of IoU, so that a threshold
    can also tell one miss from another. GIoU 0.8 is 0.9 on this scale.

    Raises:
        ValueError: the method has no threshold.
    """
    if moment.tau is None:
        raise ValueError("reward=giou_threshold needs a tau, and this method has none; use raw_giou or a schedule.")
    return float(bool(answer.box) and scaled_giou(answer) >= moment.tau)


def _half_of_one_plus_giou(answer: Answer) -> float:
    return max(SPREAD, (1.0 + answer.giou) / 2) if answer.box else 0.0
