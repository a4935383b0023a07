"""Turn the images and boxes of a folder, in whichever form they come, into rows of a manifest."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medloc.boxes import Box
from medloc.data.example import PLAIN, Coding
from medloc.data.files import BOXES, ImageIndex, Problems, progress, visible_files
from medloc.data.formats import CONFIDENCE, ORDERS, SLACK, Annotation, Form, as_box, checked_box, half_open
from medloc.data.formats.labels import VOC, YOLO
from medloc.data.formats.masks import LEFT_OUT, Mask, Pair, below, rows_of_pairs
from medloc.data.formats.tables import COCO, CSV
from medloc.data.images import image_size
from medloc.data.manifest import ManifestRow
from medloc.data.sets import SETS

FORMS: dict[str, Form] = {"coco": COCO, "yolo": YOLO, "voc": VOC, "csv": CSV}
"""Kind -> form of annotation files."""

KINDS = (*(name for name, one in SETS.items() if one.pairs), "masks", *FORMS)
"""How the boxes of a folder may come."""

UNITS = {"px": 1.0, "share": 1.0, "percent": 0.01}
"""What the numbers of boxes are -> their factor: px, or shares or percent of the image's sides."""

SPECK = 2  # px: smaller components are more often a slip of the pen than a lesion
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MARK = re.compile(r"(?<=.)[_\- .]*(mask|segmentation|seg|gt|groundtruth|label)([_\- ]*\d+)?$", re.IGNORECASE)
"""End of a name that marks a mask. `benign (1)_mask_1` is BUSI's second mask of an image."""
MASK_FOLDER = re.compile(r"(^|[_\- ])(masks?|segmentations?|groundtruth|ground truth|gt)($|[_\- ])", re.IGNORECASE)


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
        others: Whether an image that has boxes of other classes or crowd regions only is one without a target.
        units: One of `UNITS`; None takes px, and refuses what looks like shares.
        order: One of `medloc.data.formats.ORDERS`; None takes the form's own.
        coding: What is foreground in a mask.
    """

    root: Path
    kind: str = "auto"
    annotations: Path | None = None
    images: Path | None = None
    corners: str = "half-open"
    only: tuple[str, ...] = ()
    folder_classes: bool = False
    others: bool = False
    units: str | None = None
    order: str | None = None
    coding: Coding = PLAIN

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
    found = [kind for kind in (*FORMS, "masks") if any(path.stat().st_size for path in _candidates(kind, files))]
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
    root, rows = source.root, list[ManifestRow]()
    if one := SETS.get(source.kind):
        for split, part in (one.parts or {"": ""}).items():
            pairs, left_out = one.pairs(root, part) if one.pairs else ([], Counter[str]())
            problems.quirks.update(left_out)
            rows += rows_of_pairs(root, pairs, split or None, read_mask, problems)
        return rows
    images = _images(source)
    if not images:
        raise ValueError(f"{source.images or root} holds no image ({', '.join(IMAGES)}).")
    index = ImageIndex(root, images)
    files = _annotations(source, index)
    if not files:
        raise ValueError(f"{source.annotations or root} holds nothing that reads as {source.kind}.")
    if source.kind == "masks":
        if source.only:
            raise ValueError(f"--only {source.only[0]}: masks name no classes; --foreground VALUE takes one of them.")
        rows = rows_of_pairs(root, _pairs(source, index, images, files, problems), None, read_mask, problems)
        if source.coding.foreground and rows and not any(row.boxes for row in rows):
            raise ValueError(f"--foreground {source.coding.foreground} is in no mask of {root}.")
        specks = sum(area <= SPECK for row in rows for area in row.areas or ())
        problems.quirks[f"components of at most {SPECK} px (--min-area leaves them out)"] = specks
        return rows
    form, before = FORMS[source.kind], problems.count
    annotations = list(_located(index, form.read(files, root, problems, source.order), form.names_images, problems))
    if annotations and not any(path for path, _ in annotations):
        raise ValueError(f"{annotations[0][1].where}: no image of {root} is called {annotations[0][1].file}.")
    _check_classes(source, annotations)
    # After an error, an image without a label may be the one that the unreadable label belongs to
    without = form.without if problems.count == before else ""
    return _rows_of_annotations(source, images, annotations, without, problems)


def _masks_of(files: Iterable[Path]) -> set[Path]:
    """Return the image files that are masks, by their own name or that of a folder that does not hold all of them."""
    images = [path for path in files if path.suffix.lower() in IMAGES]
    top = Path(os.path.commonpath([path.parent for path in images])) if images else Path()
    return {
        path
        for path in images
        if MARK.search(path.stem) or any(MASK_FOLDER.search(part) for part in path.relative_to(top).parts[:-1])
    }


def _candidates(kind: str, files: Sequence[Path]) -> list[Path]:
    """Return the files that hold boxes or masks of one kind, by their names and first lines."""
    if kind == "masks":
        return sorted(_masks_of(files))
    form = FORMS[kind]
    return [path for path in files if path.suffix.lower() == form.suffix and form.holds(path)]


def _images(source: Source) -> list[Path]:
    files = visible_files(source.images or source.root, IMAGES)
    if source.kind == "masks" and source.annotations and source.annotations != source.root:
        return [path for path in files if not path.is_relative_to(source.annotations)]
    masks = _masks_of(visible_files(source.root, IMAGES))
    return [path for path in files if path not in masks]


def _annotations(source: Source, index: ImageIndex) -> list[Path]:
    where = source.annotations or source.root
    if where.is_file():
        return [where]
    if source.kind == "masks":
        files = visible_files(where, IMAGES)
        return files if source.annotations else _candidates("masks", files)  # named by the user: all are masks
    form, files = FORMS[source.kind], visible_files(where, (FORMS[source.kind].suffix,))
    # A file with the name of an image is its label, readable or not: otherwise its image would count as a negative
    return [path for path in files if form.holds(path) or (not form.names_images and _is_beside(index, path))]


def _is_beside(index: ImageIndex, path: Path) -> bool:
    try:
        return index.beside(path) is not None
    except ValueError:  # it fits several images, which is said later
        return True


def _pairs(
    source: Source, index: ImageIndex, images: Sequence[Path], masks: Sequence[Path], problems: Problems
) -> list[Pair]:
    pairs = []
    for mask in masks:
        with problems.collected():
            image = index.beside(mask, MARK.sub("", mask.stem)) or index.beside(mask)
            if image is None:
                problems.quirks["masks without an image"] += 1
                continue
            name = image.relative_to(source.root).with_suffix("").as_posix()
            pairs.append(Pair(name, image, mask, name, source.label(image)))
    problems.quirks["images without a mask, left out"] = len(set(images) - {pair.image for pair in pairs})
    return sorted(pairs, key=lambda pair: (pair.id, pair.mask))


def _located(
    index: ImageIndex, annotations: Iterable[Annotation], by_name: bool, problems: Problems
) -> Iterator[tuple[Path | None, Annotation]]:
    """Yield every annotation with its image, None where there is none; one that fits several images is an error."""
    for annotation in annotations:
        with problems.collected(annotation.where if by_name else ""):
            file = annotation.file
            yield (index.named(file) if by_name else index.beside(Path(file))), annotation


def _check_classes(source: Source, annotations: Sequence[tuple[Path | None, Annotation]]) -> None:
    known = sorted({label for _, one in annotations for label, _ in one.boxes if label})
    for label in source.only:
        if label not in known:
            raise ValueError(
                f"--only {label}: no box has this class; the classes are {', '.join(known)[:500] or 'none'}."
            )


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
    short = {path: path.relative_to(source.root).with_suffix("").as_posix() for path in images}
    taken, rows = Counter(short.values()), []
    for image in progress(images, "reading images"):
        own = by_image.get(image)
        if own is None:
            problems.quirks[without or "images without an annotation, left out"] += 1
            if not without:
                continue
        name = short[image] if taken[short[image]] == 1 else image.relative_to(source.root).as_posix()
        before, broken = problems.count, any(one.broken for one in own or ())
        if not broken:
            with problems.collected():
                rows += _row(source, name, image, own or [], problems)
        problems.quirks[LEFT_OUT] += problems.count > before or broken
    return rows


def _row(
    source: Source, name: str, image: Path, annotations: list[Annotation], problems: Problems
) -> list[ManifestRow]:
    """Return the row of an image; none where all its objects are of other classes, unless these make it a negative."""
    path, size = below(source.root, image), image_size(image)
    boxes: dict[Box, str] = {}
    others = sum(one.skipped for one in annotations)
    for one in annotations:
        if one.size and one.size != size:
            raise ValueError(
                f"{one.where}: was drawn on {one.size[0]}x{one.size[1]} px, its image {image} has {size[0]}x{size[1]}; "
                "is it another copy, or turned?"
            )
        for label, box in one.boxes:
            if source.only and label not in source.only:
                problems.quirks["boxes of other classes, left out"] += 1
                others += 1
                continue
            found = _in_px(source, one, box, size, problems)
            problems.quirks["equal boxes of one image, taken once"] += found in boxes
            boxes[found] = label if boxes.get(found, label) == label else ""
    if others and not boxes and not source.others:
        problems.quirks["images with other classes or crowd regions only, left out (see --others)"] += 1
        return []
    if len(boxes) > BOXES:
        raise ValueError(f"{image}: has more than {BOXES} boxes.")
    label, group, split = (_agreed(annotations, key, image) for key in ("label", "group", "split"))
    label = label or source.label(image) or _one(set(boxes.values()))
    return [ManifestRow(name, path, *size, tuple(boxes), None, label, group or name, split or None)]


def _in_px(source: Source, one: Annotation, box: Box, size: tuple[int, int], problems: Problems) -> Box:
    if one.normalised or source.units in ("share", "percent"):
        factor = UNITS[source.units or "share"] if not one.normalised else 1.0
        given = box.scaled(factor * size[0], factor * size[1])
    elif source.units is None and all(0 <= value <= 1 for value in box.as_list()):
        values = ",".join(f"{value:g}" for value in box.as_list())
        raise ValueError(
            f"{one.where}: the box {values} lies in [0, 1], as shares of the image do; --units share reads it so, "
            "--units px takes it as it is."
        )
    else:
        given = half_open(box, source.corners)
    try:
        cut = checked_box(given, *size, slack=SLACK)
    except ValueError as error:
        raise ValueError(f"{one.where}: {error}{_hint(source, box, size)}") from None
    problems.quirks[f"boxes up to {SLACK:g} px beyond their image, cut"] += cut != given
    return Box(*(round(value, 4) for value in cut.as_list()))


def _hint(source: Source, box: Box, size: tuple[int, int]) -> str:
    """Say which other order of the four numbers would give a box inside the image."""
    if source.order or source.kind not in ("coco", "csv"):
        return ""
    fits = []
    for order in ORDERS:
        raw = (box.x0, box.y0, box.width, box.height) if source.kind == "coco" else box.as_list()
        try:
            checked_box(as_box(raw, order), *size, slack=SLACK)
        except ValueError:
            continue
        fits += [order] if order != CONFIDENCE else []
    return f" As {' or '.join(fits)} its numbers would fit (--order)." if fits else ""


def _agreed(annotations: list[Annotation], key: str, image: Path) -> str:
    values = {getattr(one, key) for one in annotations} - {""}
    if len(values) > 1:
        if key == "label":  # classes of boxes: an image with boxes of two has none of its own
            return ""
        raise ValueError(f"{annotations[0].where}: {image.name} has two of {key}: {', '.join(sorted(values)[:2])}.")
    return _one(values)


def _one(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""
