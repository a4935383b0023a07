"""From a mask to boxes, by one rule for every data set.

convert("L") first, which also undoes HAM10000's inverted palettes; foreground above 127, because JPEG masks
ring (TN3K's boxes are the same for every threshold from 20 to 230); 8-connected components; half-open boxes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from medloc.boxes import Box
from medloc.data.images import opened
from medloc.data.limits import BOXES

THRESHOLD = 127
EIGHT = np.ones((3, 3), dtype=int)


@dataclass(frozen=True)
class Mask:
    """What matters of a mask file: its size in px, and box and area of each component, in scan order."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    areas: tuple[int, ...]


def read_mask(path: Path) -> Mask:
    """Read a mask file; an empty one has no boxes.

    Raises:
        ValueError: if the file does not open as an image or is too broken up; the message names it.
    """
    pixels = read_foreground(path)
    try:
        return measure(pixels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_foreground(path: Path) -> np.ndarray:
    """Return the bool foreground of a mask file, height x width.

    Raises:
        ValueError: if the file does not open as an image; the message names it.
    """
    with opened(path, "mask") as file:
        return foreground(np.asarray(file.convert("L")))


def foreground(gray: np.ndarray) -> np.ndarray:
    """Return the bool foreground of gray levels; masks coded 0/1 count 1 as foreground."""
    return gray > (THRESHOLD if gray.max(initial=0) > 1 else 0)


def measure(mask: np.ndarray) -> Mask:
    """Return size and components of a bool mask, height x width.

    Raises:
        ValueError: if it has more than `BOXES` components.
    """
    labels, count = ndimage.label(mask, EIGHT)
    if count > BOXES:
        raise ValueError(f"{count} components are more than {BOXES}; is this a mask?")
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = [Box(float(x.start), float(y.start), float(x.stop), float(y.stop)) for y, x in ndimage.find_objects(labels)]
    return Mask(mask.shape[1], mask.shape[0], tuple(boxes), tuple(int(area) for area in areas))


def choose_boxes(mask: Mask, rule: str) -> tuple[Box, ...]:
    """Return the boxes that `dataset.boxes` takes from a mask, none where it leaves the image out.

    Args:
        mask: A measured mask.
        rule: "union": one box around everything; "largest": the box of the largest component; "single": the
            box if there is exactly one component (the paper's TN3K subset); "all": one box a component.
    """
    if rule == "all" or not mask.boxes:
        return mask.boxes
    if rule == "single":
        return mask.boxes if len(mask.boxes) == 1 else ()
    if rule == "largest":
        return (mask.boxes[mask.areas.index(max(mask.areas))],)
    if rule == "union":
        return (_around(mask.boxes),)
    raise ValueError(f"dataset.boxes={rule} is not known; use one of union, largest, single, all.")


def _around(boxes: tuple[Box, ...]) -> Box:
    return Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))
