"""What one label file, or one line of a table, says about one image, before the image is looked at."""

from dataclasses import dataclass, field

from medloc.boxes import Box

CORNERS = ("half-open", "inclusive", "one-based")
"""What a foreign file's corners mean: [xmin, xmax) from 0; the last pixel inside, from 0; the same, from 1 (PASCAL)."""


@dataclass(frozen=True)
class Annotation:
    """Boxes as another tool wrote them.

    Attributes:
        file: The image: its path, or the end of it, as the file has it.
        where: File and line, for errors.
        boxes: Class ("" where unknown) and box of every object.
        size: Width and height in px of the image that the boxes were drawn on, where said.
        normalised: Whether the boxes are in [0, 1] and not in px.
        label: Class of the image, where said.
        group: Lesion or patient, where said.
        split: Part of the data set, where said.
        broken: Whether an error was found in it, so that its image has no trustworthy truth.
    """

    file: str
    where: str
    boxes: tuple[tuple[str, Box], ...] = ()
    size: tuple[int, int] | None = field(default=None, kw_only=True)
    normalised: bool = field(default=False, kw_only=True)
    label: str = field(default="", kw_only=True)
    group: str = field(default="", kw_only=True)
    split: str = field(default="", kw_only=True)
    broken: bool = field(default=False, kw_only=True)


def half_open(box: Box, corners: str) -> Box:
    """Return a box in px as ours, half-open and counted from 0; `corners` is one of `CORNERS`."""
    first, last = {"half-open": (0, 0), "inclusive": (0, 1), "one-based": (-1, 0)}[corners]
    return Box(box.x0 + first, box.y0 + first, box.x1 + last, box.y1 + last)
