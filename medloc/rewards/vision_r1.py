"""Vision-R1's progressive rule: GIoU between two bounds, which tighten in the course of training."""

from medloc.rewards.base import Answer, Moment

LENIENT, STRICT = (0.50, 0.75), (0.75, 0.90)
TIGHTENED = 0.5
"""Share of the run from which the strict bounds hold; ours, see `vision_r1`."""


def vision_r1(answer: Answer, moment: Moment) -> float:
    """Return 0 below the lower bound of GIoU, 1 above the upper one, GIoU itself between them.

    Vision-R1 (arXiv:2503.18013), `precision_reward` of its code: bounds (0.50, 0.75) before step 1500, (0.75, 0.90)
    from there on. That step is hard-coded for one epoch in batches of 16 over data whose number it does not give; that
    the bounds change at half of the run here is our reading. With one box to find, its recall reward repeats the lower
    bound, and its format reward asks for JSON: both are left out.
    """
    low, high = LENIENT if moment.progress < TIGHTENED else STRICT
    quality = answer.giou
    if quality < low:
        return 0.0
    return 1.0 if quality > high else quality
