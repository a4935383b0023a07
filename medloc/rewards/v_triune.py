"""V-Triune's dynamic IoU: a threshold raised by training progress, whatever the policy can do."""

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
