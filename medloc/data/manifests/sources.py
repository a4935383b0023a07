"""The images and boxes of a folder, in whichever form they come, as rows of a manifest."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medloc.data.files import visible_files
from medloc.data.formats.annotation import Annotation
from medloc.data.formats.box_table import read_box_table
from medloc.data.formats.coco import read_coco
from medloc.data.formats.detect import IMAGES, MARK, candidates, is_mask
from medloc.data.formats.image_index import ImageIndex
from medloc.data.formats.mask import Mask
from medloc.data.formats.voc import read_voc
from medloc.data.formats.yolo import class_names, read_yolo
from medloc.data.manifests.manifest import ManifestRow
from medloc.data.manifests.rows import Reading, located, rows_of_annotations, rows_of_pairs
from medloc.data.problems import Problems
from medloc.data.sets.ham10000 import ham10000_pairs
from medloc.data.sets.heel import class_of
from medloc.data.sets.pairs import Pair
from medloc.data.sets.tn3k import tn3k_pairs


@dataclass(frozen=True)
class Source:
    """Where the images and boxes are.

    Attributes:
        root: the data folder, resolved.
        kind: one of `medloc.data.formats.detect.KINDS`.
        annotations: a file or folder of boxes or masks; None searches the data folder.
        images: the folder of the images; None takes all below `root` that are no masks.
        corners: one of `medloc.data.formats.annotation.CORNERS`.
        only: the classes that count; () counts all.
        folder_classes: whether the folder of an image is its class.
    """

    root: Path
    kind: str
    annotations: Path | None = None
    images: Path | None = None
    corners: str = "half-open"
    only: tuple[str, ...] = ()
    folder_classes: bool = False

    def label(self, image: Path) -> str:
        """Return the class of an image by its folder: HEEL's three always, any other if asked."""
        return image.parent.name.lower() if self.folder_classes else class_of(self.root, image)


def rows_of(source: Source, read_mask: Callable[[Path], Mask], problems: Problems) -> list[ManifestRow]:
    """Return the rows of a folder.

    Raises:
        ValueError: a file that everything hangs on cannot be used; the message names it.
        FileNotFoundError: a folder or table of HAM10000 or TN3K is missing.
    """
    root = source.root
    if source.kind == "ham10000":
        pairs, left_out = ham10000_pairs(root)
        problems.quirks.update(left_out)
        return rows_of_pairs(root, pairs, None, read_mask, problems)
    if source.kind == "tn3k":
        rows = []
        for part, split in (("trainval", "train"), ("test", "test")):
            pairs, left_out = tn3k_pairs(root, part)
            problems.quirks.update(left_out)
            rows += rows_of_pairs(root, pairs, split, read_mask, problems)
        return rows
    images, files = _images(source), _annotations(source)
    if not images:
        raise ValueError(f"{source.images or root} holds no image ({', '.join(IMAGES)}).")
    if not files:
        raise ValueError(f"{source.annotations or root} holds nothing that reads as {source.kind}.")
    if source.kind == "masks":
        return rows_of_pairs(root, _pairs(source, images, files, problems), None, read_mask, problems)
    index, by_name = ImageIndex(root, images), source.kind in ("coco", "csv")
    read = _read(source, files, problems)
    before = problems.count
    said = list(located(index, read, by_name, problems))
    silent = "images without a label file, taken as without a target" if source.kind == "yolo" else None
    if problems.count > before:  # a label file fits several images: one without may be the one it belongs to
        silent = None
    reading = Reading(source.corners, source.only, source.label, silent)
    return rows_of_annotations(root, images, said, reading, problems)


def _images(source: Source) -> list[Path]:
    files = [path for path in visible_files(source.images or source.root) if path.suffix.lower() in IMAGES]
    return [path for path in files if not _is_annotation(source, path)]


def _is_annotation(source: Source, path: Path) -> bool:
    if source.kind == "masks" and source.annotations and source.annotations != source.root:
        return path.is_relative_to(source.annotations)
    return is_mask(source.root, path)


def _annotations(source: Source) -> list[Path]:
    where = source.annotations or source.root
    if where.is_file():
        return [where]
    files = visible_files(where)
    if source.kind == "masks" and source.annotations:  # named by the user: every image in there is a mask
        return [path for path in files if path.suffix.lower() in IMAGES]
    return candidates(source.kind, source.root, files)


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


def _read(source: Source, files: Sequence[Path], problems: Problems) -> list[Annotation]:
    if source.kind == "yolo":
        names = class_names(visible_files(source.root))
        return [read_yolo(path, names, problems) for path in files]
    if source.kind == "voc":
        return [read_voc(path, problems) for path in files]
    read = read_coco if source.kind == "coco" else read_box_table
    return [annotation for path in files for annotation in read(path, problems)]
