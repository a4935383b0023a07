"""The paper's reward: one point for an IoU that reaches the threshold in force."""

from medloc.rewards.base import Answer, Moment


def threshold(answer: Answer, moment: Moment) -> float:
    """Return 1 for a hit, 0 for a miss.

    MedLoc-R1 (arXiv:2603.28120v1), Section 3.1.2, Equation 3: r = I[IoU(b, b*) >= tau]. An answer without a box is a
    miss at tau = 0, too.

    Raises:
        ValueError: the method has no threshold.
    """
    if moment.tau is None:
        raise ValueError("reward=threshold needs a tau, and this method has none; use raw_iou or name a schedule.")
    return 1.0 if answer.box and answer.iou >= moment.tau else 0.0
