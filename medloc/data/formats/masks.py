"""Read masks: boxes of their components, examples of their images, and what a segmentation network is taught.

A mask is read as gray levels, which also undoes HAM10000's inverted palettes. Foreground is above 127, because JPEG
masks ring (TN3K's boxes are the same for every threshold from 20 to 230). Components are 8-connected, boxes half-open.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.files import FileCache, progress
from medloc.data.images import image_size, opened
from medloc.data.untrusted import BOXES

READING = 1
"""Version of the code that reads masks. Raise it when the same file gives another `Mask` or foreground."""

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


class MaskCache:
    """Read the masks below `root`, each once as long as its file does not change (HAM10000 has 10,015)."""

    def __init__(self, root: Path, folder: Path, read: Callable[[Path], Mask] = read_mask):
        """Load what the cache folder remembers of the masks below `root`."""
        self._files, self._read = FileCache("masks", READING, root, folder), read

    def __call__(self, path: Path) -> Mask:
        """Return what the mask file at `path` contains."""
        width, height, boxes, areas = self._files.get(path, self._measured)
        return Mask(width, height, tuple(Box(*box) for box in boxes), tuple(areas))

    def save(self) -> None:
        """Write what was read to the cache folder."""
        self._files.save()

    def _measured(self, path: Path) -> list[object]:
        mask = self._read(path)
        return [mask.width, mask.height, [box.as_list() for box in mask.boxes], list(mask.areas)]


def target_mask(example: Example, side: int) -> np.ndarray:
    """Return a bool array of `side` x `side`: a cell is foreground if more than half of it is.

    Foreground outside the true box belongs to components that `dataset.boxes` left out. A data set of boxes has no
    masks (HEEL); there the filled box is the foreground, whose box is the answer wanted.

    Raises:
        ValueError: The mask file does not open as an image; the message names it.
    """
    inside = filled(example.box, example.width, example.height)
    full = inside if example.mask is None else inside & read_foreground(example.mask)
    shares = Image.fromarray(full.astype(np.float32)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(shares) > 0.5


def filled(box: Box, width: int, height: int) -> np.ndarray:
    """Return the bool array of a `width` x `height` image whose pixels with centres in `box` are true."""
    xs, ys = np.arange(width) + 0.5, np.arange(height) + 0.5
    return ((ys >= box.y0) & (ys < box.y1))[:, None] & ((xs >= box.x0) & (xs < box.x1))[None, :]


@dataclass(frozen=True)
class Pair:
    """One image with its mask, and what is known of it."""

    id: str
    image: Path
    mask: Path
    group: str
    label: str


def examples_from(
    pairs: Sequence[Pair], read_mask: Callable[[Path], Mask], rule: str, left_out: Counter[str]
) -> list[Example]:
    """Return the examples of `pairs` under `dataset.boxes=rule` and count in `left_out` what gives none.

    Raises:
        ValueError: Names the files where an image or a mask does not open, or their sizes differ.
    """
    examples: list[Example] = []
    for pair in progress(pairs, "reading masks", "mask"):
        mask = measured(pair, read_mask)
        boxes = choose_boxes(mask, rule)
        if not boxes:
            several = "images with several components (dataset.boxes=single)"
            left_out[several if mask.boxes else "empty masks"] += 1
        examples += examples_of(
            pair.id, pair.image, (mask.width, mask.height), boxes, pair.group, pair.label, pair.mask
        )
    return examples


def examples_of(
    name: str, image: Path, size: tuple[int, int], boxes: Sequence[Box], group: str, label: str, mask: Path | None
) -> list[Example]:
    """Return an example for every box of an image; their ids are numbered unless there is one."""
    names = [name] if len(boxes) == 1 else [f"{name}#{i}" for i in range(len(boxes))]
    return [Example(each, image, *size, box, group, label, mask) for each, box in zip(names, boxes, strict=True)]


def summary(what: str, left_out: Counter[str]) -> tuple[str, ...]:
    """Return the counts of what was left out as one line, or no line."""
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()) if count)
    return (f"{what}: left out {counts}.",) if counts else ()


def measured(pair: Pair, read_mask: Callable[[Path], Mask]) -> Mask:
    """Return what the mask of a pair holds, once its size is known to be the image's.

    Raises:
        ValueError: Names the files where an image or a mask does not open, or their sizes differ.
    """
    mask, size = read_mask(pair.mask), image_size(pair.image)
    if size != (mask.width, mask.height):
        raise ValueError(
            f"{pair.mask}: this mask is {mask.width}x{mask.height}, its image {pair.image} is "
            f"{size[0]}x{size[1]}; both must have the same size."
        )
    return mask
