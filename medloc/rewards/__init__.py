"""What a completion earns.

A reward is a function `(Answer, Moment) -> float`: the answer says what was written and how well it
overlaps the truth, the moment says which threshold is in force and how far the run has come. A new one is a
new file and a new line in `REWARDS`. Standard library only.
"""

from medloc.rewards.base import Answer, Moment, Reward, judge
from medloc.rewards.format import format_reward
from medloc.rewards.raw_iou import raw_iou
from medloc.rewards.threshold import threshold

REWARDS: dict[str, Reward] = {
    "threshold": threshold,
    "raw_iou": raw_iou,
    "format": format_reward,
}

__all__ = ["REWARDS", "Answer", "Moment", "Reward", "format_reward", "judge", "raw_iou", "threshold"]
