"""Images with masks, or with annotations, become rows of a manifest; what is wrong with one is collected."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from medloc.boxes import Box
from medloc.data.files import inside
from medloc.data.formats.annotation import Annotation, half_open
from medloc.data.formats.box_check import SLACK, checked_box
from medloc.data.formats.image_index import ImageIndex
from medloc.data.formats.mask import Mask
from medloc.data.images import image_size, oddities
from medloc.data.limits import BOXES
from medloc.data.manifests.manifest import ManifestRow
from medloc.data.problems import Problems
from medloc.data.sets.pairs import Pair, measured

LEFT_OUT = "images left out for an error"


@dataclass(frozen=True)
class Reading:
    """How annotations are read.

    Attributes:
        corners: one of `medloc.data.formats.annotation.CORNERS`.
        only: the classes that count; () counts all.
        label: gives an image's class by its path, "" where it does not know.
        silent: what an image without any annotation is called, if it counts as one without a target; None leaves it
            out.
    """

    corners: str
    only: tuple[str, ...]
    label: Callable[[Path], str]
    silent: str | None = None


def rows_of_pairs(
    root: Path, pairs: Sequence[Pair], split: str | None, read_mask: Callable[[Path], Mask], problems: Problems
) -> list[ManifestRow]:
    """Return a row for every image; the components of several masks of one image stand one after the other.

    Args:
        root: the data folder, resolved.
        pairs: images with masks; several pairs of one id are one image.
        split: the part they belong to, None where that is open.
        read_mask: reads one mask file.
        problems: takes what is wrong with an image or mask, and what is odd.
    """
    by_id: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_id.setdefault(pair.id, []).append(pair)
    rows = []
    for together in tqdm(by_id.values(), desc="reading masks", unit="image", disable=None, leave=False, delay=2):
        before = problems.count
        with problems.collected():
            rows.append(_row_of_pairs(root, together, split, read_mask, problems))
        problems.quirks[LEFT_OUT] += problems.count > before
    return rows


def _row_of_pairs(
    root: Path, pairs: list[Pair], split: str | None, read_mask: Callable[[Path], Mask], problems: Problems
) -> ManifestRow:
    first = pairs[0]
    image, *masks = (_below(root, path) for path in (first.image, *(pair.mask for pair in pairs)))
    found = [measured(pair, read_mask) for pair in pairs]
    boxes = tuple(box for mask in found for box in mask.boxes)
    areas = tuple(area for mask in found for area in mask.areas)
    if len(boxes) > BOXES:
        raise ValueError(f"{first.image}: its masks have more than {BOXES} components.")
    problems.quirks.update([*oddities(first.image), *(odd for pair in pairs for odd in oddities(pair.mask, "mask"))])
    size = found[0].width, found[0].height
    return ManifestRow(first.id, image, *size, boxes, areas, first.label, first.group, split, tuple(masks))


def rows_of_annotations(
    root: Path,
    images: Sequence[Path],
    annotations: Iterable[tuple[Path | None, Annotation]],
    reading: Reading,
    problems: Problems,
) -> list[ManifestRow]:
    """Return a row for every image that something is said about.

    Args:
        root: the data folder, resolved.
        images: the images, sorted.
        annotations: each with the image it is about, None where that is not there.
        reading: how to read them.
        problems: takes what is wrong, and what is odd.
    """
    by_image: dict[Path, list[Annotation]] = {}
    for path, annotation in annotations:
        if path is None:
            problems.quirks["annotations without an image"] += 1
        else:
            by_image.setdefault(path, []).append(annotation)
    names = _names(root, images)
    rows = []
    for image in tqdm(images, desc="reading images", unit="image", disable=None, leave=False, delay=2):
        said = by_image.get(image)
        if said is None:
            problems.quirks[reading.silent or "images without an annotation, left out"] += 1
            if reading.silent is None:
                continue
        before = problems.count
        with problems.collected():
            if not any(one.broken for one in said or ()):
                rows.append(_row(root, names[image], image, said or [], reading, problems))
        problems.quirks[LEFT_OUT] += problems.count > before or any(one.broken for one in said or ())
    return rows


def _row(
    root: Path, name: str, image: Path, said: list[Annotation], reading: Reading, problems: Problems
) -> ManifestRow:
    below, size = _below(root, image), image_size(image)
    problems.quirks.update(oddities(image))
    boxes: list[Box] = []
    classes = set()
    for one in said:
        if one.size not in (None, size):
            drawn = f"{one.size[0]}x{one.size[1]}" if one.size else ""
            raise ValueError(
                f"{one.where}: was drawn on {drawn} px, its image {image} has {size[0]}x{size[1]}; is it another copy, "
                "or turned?"
            )
        for label, box in one.boxes:
            if reading.only and label not in reading.only:
                problems.quirks["boxes of other classes, left out"] += 1
                continue
            classes.add(label)
            boxes.append(_in_px(one, box, size, reading.corners, problems))
    if len(boxes) > BOXES:
        raise ValueError(f"{image}: has more than {BOXES} boxes.")
    own = reading.label(image) or _one(classes)
    label, group, split = (_agreed(said, key, image) for key in ("label", "group", "split"))
    return ManifestRow(name, below, *size, tuple(boxes), None, label or own, group or name, split or None)


def _in_px(one: Annotation, box: Box, size: tuple[int, int], corners: str, problems: Problems) -> Box:
    given = box.scaled(*size) if one.normalised else half_open(box, corners)
    try:
        cut = checked_box(given, *size, slack=SLACK)
    except ValueError as error:
        raise ValueError(f"{one.where}: {error}") from None
    problems.quirks[f"boxes up to {SLACK:g} px beyond their image, cut"] += cut != given
    return Box(*(round(value, 4) for value in cut.as_list()))


def _agreed(said: list[Annotation], key: str, image: Path) -> str:
    values = {getattr(one, key) for one in said} - {""}
    if len(values) > 1:
        if key == "label":  # classes of boxes: an image with boxes of two has none of its own
            return ""
        raise ValueError(f"{said[0].where}: {image.name} has two of {key}: {', '.join(sorted(values)[:2])}.")
    return _one(values)


def _one(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""


def _below(root: Path, path: Path) -> str:
    if not path.is_relative_to(root):
        raise ValueError(f"{path} leaves the data folder {root}; name a folder around both.")
    name = path.relative_to(root).as_posix()
    inside(root, name)
    return name


def _names(root: Path, images: Sequence[Path]) -> dict[Path, str]:
    """An id for every image: its path without ending, unless another image has the same."""
    short = {path: path.relative_to(root).with_suffix("").as_posix() for path in images}
    taken: dict[str, int] = {}
    for name in short.values():
        taken[name] = taken.get(name, 0) + 1
    return {p: name if taken[name] == 1 else p.relative_to(root).as_posix() for p, name in short.items()}


def located(
    index: ImageIndex, annotations: Iterable[Annotation], by_name: bool, problems: Problems
) -> Iterable[tuple[Path | None, Annotation]]:
    """Yield every annotation with its image; one that fits several images is an error.

    Args:
        index: the images.
        annotations: what was read.
        by_name: whether `file` names the image; otherwise it is the path of a label file that belongs to one.
        problems: takes the errors.
    """
    for annotation in annotations:
        with problems.collected(annotation.where if by_name else ""):
            file = annotation.file
            yield (index.named(file) if by_name else index.beside(Path(file))), annotation
