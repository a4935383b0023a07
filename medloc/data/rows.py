"""Turn the images and boxes of a folder, in whichever form they come, into rows of a manifest."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medloc.boxes import Box
from medloc.data.files import ImageIndex, inside, progress, visible_files
from medloc.data.formats import SLACK, Annotation, checked_box, coco, half_open, table, voc, yolo
from medloc.data.formats.masks import Mask, Pair, measured
from medloc.data.images import image_size, oddities
from medloc.data.manifest import ManifestRow
from medloc.data.sets import SETS
from medloc.data.untrusted import BOXES, Problems

FORMS = {"coco": coco.FORM, "yolo": yolo.FORM, "voc": voc.FORM, "csv": table.FORM}
"""Kind -> form of annotation files."""

KINDS = (*(name for name, one in SETS.items() if one.pairs), "masks", *FORMS)
"""How the boxes of a folder may come."""

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MARK = re.compile(r"[_\- .]*(mask|segmentation|seg|gt|groundtruth|label)([_\- ]*\d+)?$", re.IGNORECASE)
"""End of a name that marks a mask. `benign (1)_mask_1` is BUSI's second mask of an image."""
MASK_FOLDER = re.compile(r"(^|[_\- ])(masks?|segmentations?|groundtruth|ground truth|gt)($|[_\- ])", re.IGNORECASE)
LEFT_OUT = "images left out for an error"


@dataclass(frozen=True)
class Source:
    """Where the images and boxes are, and how they are read.

    Attributes:
        root: The data folder, resolved.
        kind: One of `KINDS`.
        annotations: A file or folder of boxes or masks; None searches the data folder.
        images: The folder of the images; None takes all below `root` that are no masks.
        corners: One of `medloc.data.formats.CORNERS`.
        only: The classes that count; () counts all.
        folder_classes: Whether the folder of an image is its class.
    """

    root: Path
    kind: str
    annotations: Path | None = None
    images: Path | None = None
    corners: str = "half-open"
    only: tuple[str, ...] = ()
    folder_classes: bool = False

    def label(self, image: Path) -> str:
        """Return the class of an image by its folder: any if asked, else those that a known data set has (HEEL)."""
        if self.folder_classes:
            return image.parent.name.lower()
        return next(filter(None, (one.class_of(self.root, image) for one in SETS.values())), "")


def detected(root: Path, files: Sequence[Path]) -> str:
    """Return the one kind in which the boxes of a folder come, seen from the names and first lines of its files.

    Raises:
        ValueError: There is none, or there are several.
    """
    for name, one in SETS.items():
        if one.pairs and one.recognises(root, files):
            return name
    found = [kind for kind in (*FORMS, "masks") if any(path.stat().st_size for path in _candidates(kind, root, files))]
    if not found:
        raise ValueError(
            f"{root} holds no boxes that are known: no masks, COCO, YOLO or VOC files, and no table with columns "
            "file,xmin,ymin,xmax,ymax; --annotations PATH names them."
        )
    if len(found) > 1:
        raise ValueError(f"{root} holds boxes in several forms: {', '.join(found)}; say which with --kind.")
    return found[0]


def rows_of(source: Source, read_mask: Callable[[Path], Mask], problems: Problems) -> list[ManifestRow]:
    """Return the rows of a folder.

    Raises:
        ValueError: A file on which everything depends cannot be used; the message names it.
        FileNotFoundError: A folder or table of HAM10000 or TN3K is missing.
    """
    root = source.root
    if source.kind in SETS:
        return _rows_of_set(source, read_mask, problems)
    images, files = _images(source), _annotations(source)
    if not images:
        raise ValueError(f"{source.images or root} holds no image ({', '.join(IMAGES)}).")
    if not files:
        raise ValueError(f"{source.annotations or root} holds nothing that reads as {source.kind}.")
    if source.kind == "masks":
        return _rows_of_pairs(root, _pairs(source, images, files, problems), None, read_mask, problems)
    form, index, before = FORMS[source.kind], ImageIndex(root, images), problems.count
    annotations = list(_located(index, form.read(files, root, problems), form.names_images, problems))
    # After an error, an image without a label may be the one that the unreadable label belongs to
    without = form.without if problems.count == before else ""
    return _rows_of_annotations(source, images, annotations, without, problems)


def _rows_of_set(source: Source, read_mask: Callable[[Path], Mask], problems: Problems) -> list[ManifestRow]:
    one, rows = SETS[source.kind], []
    for split, part in (one.parts or {"": ""}).items():
        pairs, left_out = one.pairs(source.root, part) if one.pairs else ([], Counter[str]())
        problems.quirks.update(left_out)
        rows += _rows_of_pairs(source.root, pairs, split or None, read_mask, problems)
    return rows


def _is_mask(root: Path, path: Path) -> bool:
    """Tell whether an image file is a mask, by its own name or that of a folder it lies in."""
    return bool(MARK.search(path.stem)) or any(MASK_FOLDER.search(part) for part in path.relative_to(root).parts[:-1])


def _candidates(kind: str, root: Path, files: Sequence[Path]) -> list[Path]:
    """Return the files that hold boxes or masks of one kind, by their names and first lines."""
    if kind == "masks":
        return [path for path in files if path.suffix.lower() in IMAGES and _is_mask(root, path)]
    form = FORMS[kind]
    return [path for path in files if path.suffix.lower() == form.suffix and form.holds(path)]


def _images(source: Source) -> list[Path]:
    files = [path for path in visible_files(source.images or source.root) if path.suffix.lower() in IMAGES]
    if source.kind == "masks" and source.annotations and source.annotations != source.root:
        return [path for path in files if not path.is_relative_to(source.annotations)]
    return [path for path in files if not _is_mask(source.root, path)]


def _annotations(source: Source) -> list[Path]:
    where = source.annotations or source.root
    if where.is_file():
        return [where]
    files = visible_files(where)
    if source.kind == "masks" and source.annotations:  # named by the user: every image in there is a mask
        return [path for path in files if path.suffix.lower() in IMAGES]
    return _candidates(source.kind, source.root, files)


def _pairs(source: Source, images: Sequence[Path], masks: Sequence[Path], problems: Problems) -> list[Pair]:
    index = ImageIndex(source.root, images)
    pairs, left_out = [], Counter[str]()
    for mask in masks:
        with problems.collected():
            image = index.beside(mask, MARK.sub("", mask.stem)) or index.beside(mask)
            if image is None:
                left_out["masks without an image"] += 1
                continue
            name = image.relative_to(source.root).with_suffix("").as_posix()
            pairs.append(Pair(name, image, mask, name, source.label(image)))
    left_out["images without a mask, left out"] = len(set(images) - {pair.image for pair in pairs})
    problems.quirks.update(left_out)
    return sorted(pairs, key=lambda pair: (pair.id, pair.mask))


def _located(
    index: ImageIndex, annotations: Iterable[Annotation], by_name: bool, problems: Problems
) -> Iterator[tuple[Path | None, Annotation]]:
    """Yield every annotation with its image, None where there is none; one that fits several images is an error."""
    for annotation in annotations:
        with problems.collected(annotation.where if by_name else ""):
            file = annotation.file
            yield (index.named(file) if by_name else index.beside(Path(file))), annotation


def _rows_of_pairs(
    root: Path, pairs: Sequence[Pair], split: str | None, read_mask: Callable[[Path], Mask], problems: Problems
) -> list[ManifestRow]:
    """Return a row for every image; several pairs of one id are one image with several masks."""
    by_id: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_id.setdefault(pair.id, []).append(pair)
    rows = []
    for together in progress(by_id.values(), "reading masks"):
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


def _rows_of_annotations(
    source: Source,
    images: Sequence[Path],
    annotations: Iterable[tuple[Path | None, Annotation]],
    without: str,
    problems: Problems,
) -> list[ManifestRow]:
    """Return a row for every image that has an annotation; `without` as in `Form`."""
    by_image: dict[Path, list[Annotation]] = {}
    for path, annotation in annotations:
        if path is None:
            problems.quirks["annotations without an image"] += 1
        else:
            by_image.setdefault(path, []).append(annotation)
    names = _names(source.root, images)
    rows = []
    for image in progress(images, "reading images"):
        own = by_image.get(image)
        if own is None:
            problems.quirks[without or "images without an annotation, left out"] += 1
            if not without:
                continue
        before, broken = problems.count, any(one.broken for one in own or ())
        if not broken:
            with problems.collected():
                rows.append(_row(source, names[image], image, own or [], problems))
        problems.quirks[LEFT_OUT] += problems.count > before or broken
    return rows


def _row(source: Source, name: str, image: Path, annotations: list[Annotation], problems: Problems) -> ManifestRow:
    below, size = _below(source.root, image), image_size(image)
    problems.quirks.update(oddities(image))
    boxes: list[Box] = []
    classes = set()
    for one in annotations:
        if one.size and one.size != size:
            raise ValueError(
                f"{one.where}: was drawn on {one.size[0]}x{one.size[1]} px, its image {image} has {size[0]}x{size[1]}; "
                "is it another copy, or turned?"
            )
        for label, box in one.boxes:
            if source.only and label not in source.only:
                problems.quirks["boxes of other classes, left out"] += 1
                continue
            classes.add(label)
            boxes.append(_in_px(one, box, size, source.corners, problems))
    if len(boxes) > BOXES:
        raise ValueError(f"{image}: has more than {BOXES} boxes.")
    label, group, split = (_agreed(annotations, key, image) for key in ("label", "group", "split"))
    label = label or source.label(image) or _one(classes)
    return ManifestRow(name, below, *size, tuple(boxes), None, label, group or name, split or None)


def _in_px(one: Annotation, box: Box, size: tuple[int, int], corners: str, problems: Problems) -> Box:
    given = box.scaled(*size) if one.normalised else half_open(box, corners)
    try:
        cut = checked_box(given, *size, slack=SLACK)
    except ValueError as error:
        raise ValueError(f"{one.where}: {error}") from None
    problems.quirks[f"boxes up to {SLACK:g} px beyond their image, cut"] += cut != given
    return Box(*(round(value, 4) for value in cut.as_list()))


def _agreed(annotations: list[Annotation], key: str, image: Path) -> str:
    values = {getattr(one, key) for one in annotations} - {""}
    if len(values) > 1:
        if key == "label":  # classes of boxes: an image with boxes of two has none of its own
            return ""
        raise ValueError(f"{annotations[0].where}: {image.name} has two of {key}: {', '.join(sorted(values)[:2])}.")
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
    """Return an id for every image: its path without ending, unless another image has the same."""
    short = {path: path.relative_to(root).with_suffix("").as_posix() for path in images}
    taken = Counter(short.values())
    return {path: name if taken[name] == 1 else path.relative_to(root).as_posix() for path, name in short.items()}
