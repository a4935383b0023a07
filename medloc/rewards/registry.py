"""The rewards by name."""

from collections.abc import Callable, Mapping
from copy import deepcopy

from medloc.rewards.base import Answer, Reward
from medloc.rewards.dr_seg import DrSeg
from medloc.rewards.format import format_reward
from medloc.rewards.gui_g2 import gui_g2
from medloc.rewards.overlap import giou_threshold, raw_giou, raw_iou, scaled_giou, threshold
from medloc.rewards.progress import VTriune, vision_r1

REWARDS: dict[str, Mapping[str | None, Reward]] = {
    "threshold": {None: threshold},
    "raw_iou": {None: raw_iou},
    "format": {None: format_reward},
    "v_triune": {
        "original": VTriune((0.85, 0.95, 0.99), iou_valued=True),  # its own code
        "matched": VTriune((0.3, 0.5, 0.8), iou_valued=False),  # ours: the span of MedLoc-R1's tau, and its reward
    },
    "raw_giou": {None: raw_giou},
    "vision_r1": {None: vision_r1},
    "dr_seg": {None: DrSeg()},
    "gui_g2": {None: gui_g2},
    "giou_threshold": {None: giou_threshold},
}
"""Name of a reward -> its presets; None alone for a reward that has none."""

WATCHED: dict[str, Callable[[Answer], float]] = {"giou_threshold": scaled_giou}
"""Name of a reward that compares something else than IoU with tau -> what it compares. The curriculum watches that."""


def reward_for(name: str, preset: str | None) -> Reward:
    """Return a reward for one run. The state of a stateful reward is that run's own.

    Args:
        name: a name in `REWARDS`.
        preset: one of its presets; None where it has none.

    Raises:
        ValueError: unknown name or preset.
    """
    if name not in REWARDS:
        raise ValueError(f"method.reward={name} is not known; choose one of {', '.join(REWARDS)}.")
    presets = REWARDS[name]
    if preset not in presets:
        known = [str(one) for one in presets if one is not None]
        remedy = f"choose one of {', '.join(known)}" if known else "it has no presets; drop it"
        raise ValueError(f"method.preset={preset} is not a preset of method.reward={name}; {remedy}.")
    return deepcopy(presets[preset])
