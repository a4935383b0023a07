"""Dr. Seg's distribution-ranked reward: an answer earns the rank of its IoU among the last ones seen."""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from medloc.boxes import Box
from medloc.rewards.base import Answer, Moment

LENGTH = 2048
"""IoUs that are remembered; the oldest is dropped first."""
ZEROS = 128
"""Zeros with which the memory starts."""
DECIMALS = 1


class DrSeg:
    """Dr. Seg (arXiv:2603.00152), `drr_module/serve` of its code: r = round(F(IoU), 1).

    F is the right-continuous empirical distribution function of the last 2048 IoUs, 128 zeros at first; a step's own
    IoUs enter it when the step is over. F(0) is the share of zeros, so that at first every box earns 1. An answer
    without a box enters as IoU 0, as in its code, and earns 0. Its count and point scores are left out: there is one
    box and no point.
    """

    def __init__(self) -> None:
        self._load([0.0] * ZEROS)

    def __call__(self, answer: Answer, moment: Moment) -> float:
        """Return the rank in [0, 1] in tenths."""
        if not isinstance(answer.box, Box):
            return 0.0
        return round(bisect_right(self._ranked, answer.iou) / len(self._ranked), DECIMALS)

    def observe(self, ious: Sequence[Sequence[float]]) -> None:
        """Remember a finished step's raw IoUs, one list per group in global order."""
        self._load([*self._memory, *(iou for group in ious for iou in group)])

    def state_dict(self) -> dict[str, Any]:
        """Return the remembered IoUs, oldest first."""
        return {"ious": list(self._memory)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put remembered IoUs back.

        Raises:
            ValueError: other keys than `ious`, or not 1 to 2048 numbers in [0, 1].
        """
        if not isinstance(state, Mapping) or set(state) != {"ious"}:
            keys = sorted(state) if isinstance(state, Mapping) else type(state).__name__
            raise ValueError(f"the state of reward=dr_seg has the keys {keys}; it must have ious alone.")
        ious = state["ious"]
        found = f"<{len(ious)} values>" if isinstance(ious, list | tuple) else str(ious)[:80]
        fits = isinstance(ious, list | tuple) and 1 <= len(ious) <= LENGTH
        if not fits or not all(type(iou) in (int, float) and 0.0 <= iou <= 1.0 for iou in ious):
            raise ValueError(f"ious={found} must be 1 to {LENGTH} numbers in [0, 1].")
        self._load(ious)

    def _load(self, ious: Sequence[float]) -> None:
        self._memory = deque(ious, maxlen=LENGTH)
        self._ranked = sorted(self._memory)
