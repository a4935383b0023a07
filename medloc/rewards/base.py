"""What a reward sees: one judged answer, and the moment of the run at which it was given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from medloc.boxes import IOU_DECIMALS, Box, ParseFailure, giou, iou, parse_box

SPREAD = 1e-6
"""Rewards closer together than this, the last decimal of an IoU, are equal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, read and measured.

    Attributes:
        text: the completion as generated.
        box: the answered box in pixels of the original image, or why there is none.
        truth: the true box in pixels of the original image.
        iou: overlap of the two in [0, 1], rounded to 6 decimals; 0 where there is no box.
    """

    text: str
    box: Box | ParseFailure
    truth: Box
    iou: float

    @property
    def giou(self) -> float:
        """Generalised IoU in [-1, 1], rounded to 6 decimals; -1 where there is no box."""
        return round(giou(self.box, self.truth), IOU_DECIMALS) if isinstance(self.box, Box) else -1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in the run an answer was given.

    Attributes:
        tau: the IoU threshold in force, in [0, 1]; None for a method without one.
        progress: finished share of the run's planned optimizer steps, in [0, 1).
    """

    tau: float | None
    progress: float

    def __post_init__(self) -> None:
        if self.tau is not None and not 0.0 <= self.tau <= 1.0:
            raise ValueError(f"tau={self.tau} must lie in [0, 1]; it is a threshold on IoU.")
        if not 0.0 <= self.progress < 1.0:
            raise ValueError(f"progress={self.progress} must lie in [0, 1); count finished steps only.")


class Reward(Protocol):
    """Anything that turns an answer into what it earns: a pure function of the answer and the moment."""

    def __call__(self, answer: Answer, moment: Moment) -> float:
        """Return the reward of one answer."""


@runtime_checkable
class StatefulReward(Reward, Protocol):
    """A reward that also depends on earlier steps; between two calls of `observe` it is a pure function."""

    def observe(self, ious: Sequence[Sequence[float]]) -> None:
        """Take in a finished step's raw IoUs, one list per group in global order, the same on every rank."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put a state back; ValueError names what is wrong with it."""


def is_dead(rewards: Sequence[float]) -> bool:
    """Return whether a group's rewards are all equal, so that its advantages are 0 (Eq. 1)."""
    return max(rewards) - min(rewards) < SPREAD


def group_shares(hits: Sequence[Sequence[bool]]) -> tuple[float, float, float]:
    """Return the shares of groups that are all-miss, mixed and all-hit (Eq. 5), each in [0, 1].

    Args:
        hits: one list per group; whether each answer has a box that reaches the threshold.
    """
    miss = sum(not any(group) for group in hits) / len(hits)
    hit = sum(map(all, hits)) / len(hits)
    return miss, sum(any(group) and not all(group) for group in hits) / len(hits), hit


def judge(text: str, truth: Box, to_original: Callable[[Box], Box]) -> Answer:
    """Read the box from a completion, map it and measure it; training, evaluation and scoring all come here.

    Args:
        text: the completion as generated.
        truth: the true box in pixels of the original image.
        to_original: maps a box from the answer's grid to pixels of the original image.
    """
    box = parse_box(text)
    if isinstance(box, ParseFailure):
        return Answer(text, box, truth, 0.0)
    mapped = to_original(box)
    return Answer(text, mapped, truth, round(iou(mapped, truth), IOU_DECIMALS))
