"""Do the answers look as if they were written in another coordinate space than the model's family declares?

A model that answers in thousandths, read as if it answered in pixels, still gives boxes, and rewards near 0 for
hundreds of steps. Each answer is measured again in each other space. The comparison is paired by image.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from medloc.boxes import Box, iou, parse_box

MARGIN = 0.05
"""Mean IoU that another reading has to gain before a warning."""

ERRORS = 3.0
"""Standard errors by which the gain has to lie above 0: three readings are tried, and chance helps one of them."""

LEAST = 16
"""Fewer images with a box are no evidence."""

SAME = 0.02
"""Frames closer than this, as a share, cannot be told apart."""

Frames = Mapping[str, tuple[float, float]]
"""Space -> (width, height) of an image in it."""


@dataclass(frozen=True)
class Spoken:
    """The answers to one image.

    Attributes:
        texts: the answers.
        truth: the true box in px of the image.
        width: the image's width in px.
        height: its height in px.
        frames: the image's size in each space.
    """

    texts: Sequence[str]
    truth: Box
    width: int
    height: int
    frames: Frames


@dataclass(frozen=True)
class Reading:
    """The answers read in one space.

    Attributes:
        space: its name.
        images: images with at least one box; every number is over these.
        mean_iou: mean over images of their answers' mean IoU; None without images.
        gain: its mean IoU minus that of the declared space; None with fewer than two images.
        error: standard error of the gain, over images.
        convincing: whether N, margin and standard errors suffice to say that the answers are written in it.
    """

    space: str
    images: int
    mean_iou: float | None
    gain: float | None
    error: float | None
    convincing: bool


def readings(spoken: Sequence[Spoken], declared: str) -> list[Reading]:
    """Return the declared reading and every other that can be told from it, the best first.

    Args:
        spoken: answers, image by image.
        declared: the space the model's family is said to answer in; a key of every image's frames.
    """
    others = [space for space in spoken[0].frames if space != declared]
    spaces = [declared, *(space for space in others if _differs(spoken, space, declared))]
    boxes = [[box for text in each.texts if isinstance(box := parse_box(text, shares=True), Box)] for each in spoken]
    boxed = [(each, own) for each, own in zip(spoken, boxes, strict=True) if own]
    ious = {space: [_mean_iou(each, own, space) for each, own in boxed] for space in spaces}
    found = [_reading(space, ious[space], ious[declared]) for space in spaces]
    return sorted(found, key=lambda reading: -(reading.mean_iou or 0.0))


def _differs(spoken: Sequence[Spoken], space: str, declared: str) -> bool:
    pairs = [(each.frames[space], each.frames[declared]) for each in spoken]
    apart = [max(abs(a / b - 1) for a, b in zip(one, other, strict=True)) > SAME for one, other in pairs]
    return sum(apart) > len(apart) / 2


def _mean_iou(spoken: Spoken, boxes: Sequence[Box], space: str) -> float:
    frame_width, frame_height = spoken.frames[space]
    scale = spoken.width / frame_width, spoken.height / frame_height
    return fmean(iou(box.scaled(*scale), spoken.truth) for box in boxes)


def _reading(space: str, own: Sequence[float], declared: Sequence[float]) -> Reading:
    if len(own) < 2:
        return Reading(space, len(own), fmean(own) if own else None, None, None, False)
    gains = [a - b for a, b in zip(own, declared, strict=True)]
    gain, error = fmean(gains), stdev(gains) / math.sqrt(len(gains))
    convincing = len(own) >= LEAST and gain >= MARGIN and gain > ERRORS * error
    return Reading(space, len(own), fmean(own), gain, error, convincing)
