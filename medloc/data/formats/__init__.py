"""Forms in which other tools store boxes; all are read into the same annotations."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from medloc.boxes import Box
from medloc.data.files import Problems

CORNERS = ("half-open", "inclusive", "one-based")
"""What a foreign file's corners mean: [xmin, xmax) from 0; the last pixel inside, from 0; the same, from 1 (PASCAL)."""

CONFIDENCE = "cxcywh-confidence"
ORDERS = ("xyxy", "xywh", "cxcywh", CONFIDENCE)
"""What the four numbers of a box are: two corners; corner and size; centre and size; the same and a confidence."""

SLACK = 1.0
"""Px that a foreign tool's box may reach beyond its image, as rounding makes it do. It is cut, and counted."""


@dataclass(frozen=True)
class Annotation:
    """What one label file, or one line of a table, says about one image, before the image is looked at.

    Attributes:
        file: The image: its path, or the end of it, as the file has it.
        where: File and line, for errors.
        boxes: Class ("" where unknown) and box of every object.
        size: Width and height in px of the image that the boxes were drawn on, where known.
        normalised: Whether the boxes are in [0, 1] and not in px.
        label: Class of the image, where known.
        group: Lesion or patient, where known.
        split: Part of the data set, where known.
        broken: Whether an error was found in it, so that its image has no trustworthy truth.
        skipped: Objects that are no boxes of a target, such as crowd regions.
    """

    file: str
    where: str
    boxes: tuple[tuple[str, Box], ...] = ()
    _: KW_ONLY
    size: tuple[int, int] | None = None
    normalised: bool = False
    label: str = ""
    group: str = ""
    split: str = ""
    broken: bool = False
    skipped: int = 0


@dataclass(frozen=True)
class Form:
    """One form of annotation files.

    Attributes:
        suffix: Ending of its files.
        holds: Whether a file with this ending is of this form.
        read: Takes the files, the data folder, the problems and one of `ORDERS`; yields the annotations.
        names_images: Whether an annotation names its image; otherwise it names the label file, which has its name.
        without: Counts an image without any annotation, in these words, as one without a target; "" leaves it out.
    """

    suffix: str
    holds: Callable[[Path], bool]
    read: Callable[[Sequence[Path], Path, Problems, str | None], Iterable[Annotation]]
    names_images: bool
    without: str = ""


def numbers(values: Sequence[object], rule: str) -> list[float]:
    """Return values, texts or not, as numbers below 10^9.

    Raises:
        ValueError: One is none; with `rule` as the message.
    """
    try:
        found = [float(value) for value in values]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(rule) from None
    if not all(abs(value) < 10**9 for value in found):
        raise ValueError(rule)
    return found


def as_box(values: Sequence[float], order: str) -> Box:
    """Return four numbers as a box; `order` is one of `ORDERS`."""
    a, b, c, d = values
    if order == "xyxy":
        return Box(a, b, c, d)
    return Box(a, b, a + c, b + d) if order == "xywh" else Box(a - c / 2, b - d / 2, a + c / 2, b + d / 2)


def half_open(box: Box, corners: str) -> Box:
    """Return a box in px as ours, half-open and counted from 0; `corners` is one of `CORNERS`."""
    first, last = {"half-open": (0, 0), "inclusive": (0, 1), "one-based": (-1, 0)}[corners]
    return Box(box.x0 + first, box.y0 + first, box.x1 + last, box.y1 + last)


def checked_box(box: Box, width: int, height: int, slack: float = 0.0) -> Box:
    """Return a box that lies in its image, cut to it where it reaches at most `slack` px beyond.

    Raises:
        ValueError: It is no box, or reaches further beyond.
    """
    values = ",".join(f"{value:g}" for value in box.as_list())
    if not all(map(math.isfinite, box.as_list())) or box.width <= 0 or box.height <= 0:
        raise ValueError(f"{values} is not a box; xmin < xmax and ymin < ymax must hold.")
    cut = Box(max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
    beyond = max(abs(a - b) for a, b in zip(box.as_list(), cut.as_list(), strict=True))
    if beyond > slack or cut.width <= 0 or cut.height <= 0:
        raise ValueError(f"the box {values} reaches beyond its image of {width}x{height} px.")
    return cut
