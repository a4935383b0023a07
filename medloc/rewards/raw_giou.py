"""A dense reward that also tells one miss from another: generalised IoU."""

from medloc.rewards.base import SPREAD, Answer, Moment


def raw_giou(answer: Answer, moment: Moment) -> float:
    """Return (1 + GIoU) / 2 in (0, 1] for a box, never below 1e-6, and 0 where there is none.

    NVIDIA NeMo RL's `bbox_giou` (nemo_rl/environments/rewards.py) pays GIoU itself, in [-1, 1], and 0 for an answer
    without a box, which is then worth more than a box far away. Half of 1 + GIoU keeps its order and its contrast
    within a group of boxes (Eq. 1 is blind to shift and scale) and puts every box above every failure.
    """
    return max(SPREAD, (1.0 + answer.giou) / 2) if answer.box else 0.0
