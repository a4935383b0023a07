"""What a completion earns.

A reward is a function `(Answer, Moment) -> float`. The answer says what was written and how well it overlaps the truth;
the moment says which threshold is in force and how far the run has come. A new reward is a new function and a new line
in `REWARDS` (`registry.py`). Standard library only.
"""

from medloc.rewards.base import Answer, Moment, Reward, StatefulReward, group_shares, is_dead, judge
from medloc.rewards.format import format_reward
from medloc.rewards.overlap import raw_iou, threshold
from medloc.rewards.registry import REWARDS, WATCHED, reward_for

__all__ = [
    "REWARDS",
    "WATCHED",
    "Answer",
    "Moment",
    "Reward",
    "StatefulReward",
    "format_reward",
    "group_shares",
    "is_dead",
    "judge",
    "raw_iou",
    "reward_for",
    "threshold",
]
