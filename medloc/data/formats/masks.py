"""Read masks: boxes of their components, rows of their images, and what a segmentation network is taught.

A mask is read as gray levels, which also undoes HAM10000's inverted palettes. Foreground is above 127, because JPEG
masks ring (TN3K's boxes are the same for every threshold from 20 to 230), or 1 where a mask holds 0 and 1 only.
What is coded otherwise is refused by name, unless a `Coding` says what it means. Components are 8-connected, boxes
half-open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageColor
from scipy import ndimage

from medloc.boxes import Box
from medloc.data.example import PLAIN, Coding, Example
from medloc.data.files import BOXES, FileCache, Problems, inside, progress
from medloc.data.images import WIDE, image_size, opened
from medloc.data.manifest import ManifestRow

READING = 1
"""Version of the code that reads masks. Raise it when a file that was read gives another `Mask` or foreground."""

REFUSING = 2
"""Version of what is refused, so that no `Mask` of a file that is refused today is remembered."""

THRESHOLD = 127
RINGING = 20  # gray levels: how far JPEG and WebP move a level
LOSSY = ("JPEG", "WEBP")
CODES = 8  # a lossless mask of 3 to so many values holds classes; one of more has soft edges
EIGHT = np.ones((3, 3), dtype=int)
LEFT_OUT = "images left out for an error"
SAY = "--foreground VALUE, a colour such as red or #800000, nonzero or alpha says what is foreground"


@dataclass(frozen=True)
class Mask:
    """What matters of a mask file: its size in px, and box and area of each component, in scan order.

    `ones` tells whether it is coded 0 and 1, which must hold for all masks of a set or for none.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    areas: tuple[int, ...]
    ones: bool = field(default=False, compare=False)


def read_mask(path: Path, coding: Coding = PLAIN) -> Mask:
    """Read a mask file; an empty one has no boxes.

    Raises:
        ValueError: The file does not open as an image, is too broken up, or is coded in a way that `coding` does not
            name; the message names it.
    """
    image = _image(path)
    try:
        found = _foreground(image, coding)
        ones = not coding.foreground and _doubted(image, found, coding)
        return replace(measure(found, coding.min_area), ones=ones)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_foreground(path: Path, coding: Coding = PLAIN) -> np.ndarray:
    """Return the bool foreground of a mask file, height x width.

    Raises:
        ValueError: if the file does not open as an image; the message names it.
    """
    return _foreground(_image(path), coding)


def foreground(gray: np.ndarray) -> np.ndarray:
    """Return the bool foreground of gray levels; masks coded 0/1 count 1 as foreground."""
    return gray > (THRESHOLD if gray.max(initial=0) > 1 else 0)


def _image(path: Path) -> Image.Image:
    with opened(path, "mask") as file:
        file.load()
        image = file.copy()
    image.format = file.format
    return image


def _foreground(image: Image.Image, coding: Coding) -> np.ndarray:
    said, near = coding.foreground, RINGING if image.format in LOSSY else 0
    wide = image.mode in WIDE
    found: np.ndarray
    if said == "alpha":
        found = np.asarray(image.convert("RGBA"))[..., 3] > THRESHOLD
    elif said == "nonzero":
        levels = np.asarray(image if wide else image.convert("RGB")) > near
        found = np.asarray(levels if wide else levels.any(axis=2))
    elif said.isdecimal():
        levels = np.asarray(image if wide or image.mode == "P" else image.convert("L"))
        found = abs(levels.astype(float) - int(said)) <= near
    elif said:
        colour = np.asarray(image.convert("RGB")).astype(int) - ImageColor.getrgb(said)[:3]
        found = (abs(colour) <= near).all(axis=2)
    elif wide:
        found = np.asarray(image) > 0
    else:
        found = foreground(np.asarray(image.convert("L")))
    if said != "alpha" and said and "A" in image.getbands():
        found &= np.asarray(image.getchannel("A")) > 0
    return ~found if coding.invert else found


def _doubted(image: Image.Image, found: np.ndarray, coding: Coding) -> bool:
    """Return whether a mask is coded 0 and 1.

    Raises:
        ValueError: It holds something else than a background and one foreground of 255, 1 or a white.
    """
    wide, near = image.mode in WIDE, RINGING if image.format in LOSSY else 1
    gray = image if wide else image.convert("L")
    values = np.unique(np.asarray(gray)) if wide else np.flatnonzero(gray.histogram())
    low, top = values[0], values[-1]
    shown = f"holds {', '.join(f'{value:g}' for value in values[:CODES])}{', ...' * (len(values) > CODES)}"
    if wide and not any(np.isin(values, [0, one]).all() for one in (1, 255, 65535)):
        raise ValueError(f"{shown}; {SAY}.")
    if near < top <= THRESHOLD:
        raise ValueError(f"{shown}, nothing that is clearly foreground; {SAY}.")
    if coding.known:
        return bool(top == 1)
    if top > 1 and not wide:
        _check_colours(image)
    few = near == 1 and len(values) <= CODES
    margin = 0 if few else RINGING
    middle = (values > low + margin) & (values < top - margin)
    if middle.any() and not few:  # soft edges are no class, even areas are one
        levels = np.asarray(gray)
        flat = ndimage.maximum_filter(levels, 3) - ndimage.minimum_filter(levels, 3) <= (0 if near == 1 else near)
        middle = (levels > low + margin) & (levels < top - margin) & flat
    if middle.any() or near < low < top - margin:
        raise ValueError(f"{shown}, more than a background and a foreground; {SAY}.")
    if low == top and top not in (0, 1, 255) and not wide:
        raise ValueError(f"{shown} and nothing else; {SAY}.")
    border = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    if border.all() and not found.all() and not coding.invert:
        raise ValueError(f"is foreground all along the border of the image; --invert swaps the two, or {SAY}.")
    return bool(top == 1)


def _check_colours(image: Image.Image) -> None:
    if "A" in image.getbands() or "transparency" in image.info:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if alpha.min() < alpha.max():
            raise ValueError(f"has transparent parts; {SAY}.")
    if image.mode not in ("1", "L"):
        colours = image.convert("RGB")
        red, green, blue = colours.split()
        brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        spread = np.asarray(ImageChops.subtract(brightest, ImageChops.darker(ImageChops.darker(red, green), blue)))
        if spread.max() > 2 * RINGING:
            y, x = np.unravel_index(spread.argmax(), spread.shape)
            raise ValueError(f"has a colour, #{bytes(np.asarray(colours)[y, x]).hex()}; {SAY}.")


def measure(mask: np.ndarray, min_area: int = 1) -> Mask:
    """Return size and components of a bool mask, height x width, of at least `min_area` px.

    Raises:
        ValueError: if it has more than `BOXES` components.
    """
    labels, count = ndimage.label(mask, EIGHT)
    if count > BOXES:
        raise ValueError(f"{count} components are more than {BOXES}; is this a mask?")
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist()
    found = [
        (Box(float(x.start), float(y.start), float(x.stop), float(y.stop)), area)
        for (y, x), area in zip(ndimage.find_objects(labels), areas, strict=True)
        if area >= min_area
    ]
    return Mask(mask.shape[1], mask.shape[0], tuple(box for box, _ in found), tuple(area for _, area in found))


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

    def __init__(
        self, root: Path, folder: Path, coding: Coding = PLAIN, read: Callable[[Path, Coding], Mask] = read_mask
    ):
        """Load what the cache folder remembers of the masks below `root` under one coding."""
        self.coding, self._read = coding, read
        self._files = FileCache("masks", [READING, REFUSING, *vars(coding).values()], root, folder)

    def __call__(self, path: Path) -> Mask:
        """Return what the mask file at `path` contains."""
        width, height, boxes, areas, ones = self._files.get(path, self._measured)
        return Mask(width, height, tuple(Box(*box) for box in boxes), tuple(areas), ones)

    def save(self) -> None:
        """Write what was read to the cache folder."""
        self._files.save()

    def _measured(self, path: Path) -> list[object]:
        mask = self._read(path, self.coding)
        return [mask.width, mask.height, [box.as_list() for box in mask.boxes], list(mask.areas), mask.ones]


def target_mask(example: Example, side: int) -> np.ndarray:
    """Return a bool array of `side` x `side`: a cell is foreground if more than half of it is.

    Foreground outside the true box belongs to components that `dataset.boxes` left out. A data set of boxes has no
    masks (HEEL); there the filled box is the foreground, whose box is the answer wanted.

    Raises:
        ValueError: The mask file does not open as an image; the message names it.
    """
    inside = filled(example.box, example.width, example.height)
    full = inside if example.mask is None else inside & read_foreground(example.mask, example.coding)
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


def rows_of_pairs(
    root: Path,
    pairs: Sequence[Pair],
    split: str | None,
    read_mask: Callable[[Path], Mask],
    problems: Problems,
    checked: bool = True,
) -> list[ManifestRow]:
    """Return a row for every image; several pairs of one id are one image with several masks.

    Args:
        root: The data folder.
        pairs: Images with their masks.
        split: The part of all of them, where known.
        read_mask: Reads one mask file.
        problems: Takes what is wrong with a file.
        checked: Whether a link that leaves the data folder is an error; `root` is resolved then.
    """
    by_id: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_id.setdefault(pair.id, []).append(pair)
    rows, coded = [], dict[bool, Path]()
    for together in progress(by_id.values(), "reading masks"):
        before = problems.count
        with problems.collected():
            masks = [_measured(root, pair, read_mask, checked) for pair in together]
            for pair, mask in zip(together, masks, strict=True):
                if mask.boxes:
                    coded.setdefault(mask.ones, pair.mask)
            rows.append(_row_of_pairs(root, together, masks, split))
        problems.quirks[LEFT_OUT] += problems.count > before
    if len(coded) == 2:
        raise ValueError(
            f"{coded[True]} is coded 0 and 1, {coded[False]} up to 255; one rule must hold for a set: {SAY}."
        )
    return rows


def _measured(root: Path, pair: Pair, read_mask: Callable[[Path], Mask], checked: bool) -> Mask:
    for path in (pair.image, pair.mask):
        below(root, path, checked)
    mask, size = read_mask(pair.mask), image_size(pair.image)
    if size != (mask.width, mask.height):
        raise ValueError(
            f"{pair.mask}: this mask is {mask.width}x{mask.height}, its image {pair.image} is "
            f"{size[0]}x{size[1]}; both must have the same size."
        )
    return mask


def _row_of_pairs(root: Path, pairs: list[Pair], masks: list[Mask], split: str | None) -> ManifestRow:
    first = pairs[0]
    image, *files = (below(root, path, False) for path in (first.image, *(pair.mask for pair in pairs)))
    boxes = tuple(box for mask in masks for box in mask.boxes)
    areas = tuple(area for mask in masks for area in mask.areas)
    if len(boxes) > BOXES:
        raise ValueError(f"{first.image}: its masks have more than {BOXES} components.")
    size = masks[0].width, masks[0].height
    return ManifestRow(first.id, image, *size, boxes, areas, first.label, first.group, split, tuple(files))


def below(root: Path, path: Path, checked: bool = True) -> str:
    """Return the name of a file below the data folder.

    Raises:
        ValueError: It lies elsewhere, or `checked` and it is a link that leads elsewhere.
    """
    if not path.is_relative_to(root):
        raise ValueError(f"{path} leaves the data folder {root}; name a folder around both.")
    name = path.relative_to(root).as_posix()
    if checked:
        inside(root, name)
    return name
