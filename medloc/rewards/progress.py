"""Rules that tighten with training progress, whatever the policy can do: V-Triune's and Vision-R1's."""

from dataclasses import dataclass

from medloc.rewards.base import Answer, Moment

FIRST, SECOND = 0.10, 0.25
"""Shares of the run up to which, inclusive, the first and the second threshold hold."""


@dataclass(frozen=True)
class VTriune:
    """V-Triune (arXiv:2505.18129), section 3.4, Equation 5: r = IoU if IoU >= eps, else 0.

    Its code changes eps at `step_ratio <= 0.10` and `<= 0.25`. The MedLoc-R1 paper gives the stages (0-10, 10-25,
    25-100 % of training) and neither the thresholds nor the value of a hit, hence two presets in `REWARDS`.

    Attributes:
        thresholds: eps of the three stages, in [0, 1].
        iou_valued: a hit earns its IoU; otherwise 1.
    """

    thresholds: tuple[float, float, float]
    iou_valued: bool

    def threshold(self, progress: float) -> float:
        """Return eps after the given share of the run, in [0, 1)."""
        first, second, third = self.thresholds
        return first if progress <= FIRST else second if progress <= SECOND else third

    def __call__(self, answer: Answer, moment: Moment) -> float:
        """Return what a hit is worth, 0 for a miss."""
        if answer.iou < self.threshold(moment.progress):
            return 0.0
        return answer.iou if self.iou_valued else 1.0


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
