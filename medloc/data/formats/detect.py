"""In which form the boxes of a folder come, seen from the names of its files."""

import re
from collections.abc import Sequence
from pathlib import Path

from medloc.data.formats.box_table import columns_of
from medloc.data.formats.coco import coco_content
from medloc.data.formats.table import numbered_rows
from medloc.data.formats.voc import voc_begins
from medloc.data.formats.yolo import NAME_LISTS, NAME_YAMLS
from medloc.data.limits import limited_lines
from medloc.data.problems import Problems
from medloc.data.sets import ham10000

KINDS = ("ham10000", "tn3k", "masks", "coco", "yolo", "voc", "csv")
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MARK = re.compile(r"[_\- .]*(mask|segmentation|seg|gt|groundtruth|label)([_\- ]*\d+)?$", re.IGNORECASE)
"""The end of a name that says: this is a mask. `benign (1)_mask_1` is BUSI's second mask of an image."""
MASK_FOLDER = re.compile(r"(^|[_\- ])(masks?|segmentations?|groundtruth|ground truth|gt)($|[_\- ])", re.IGNORECASE)
TN3K = re.compile(r"(trainval|test)-(image|mask)", re.IGNORECASE)
"""Folders of TN3K."""
YOLO_LINE = re.compile(rb"\s*\d+(\s+-?[\d.]+(e-?\d+)?){4,}\s*", re.IGNORECASE)


def is_mask(root: Path, path: Path) -> bool:
    """Tell whether an image file is a mask, by its own name or that of a folder it lies in."""
    return bool(MARK.search(path.stem)) or any(MASK_FOLDER.search(part) for part in path.relative_to(root).parts[:-1])


def detected(root: Path, files: Sequence[Path]) -> str:
    """Return the one kind in which the boxes of a folder come.

    Raises:
        ValueError: there is none, or there are several.
    """
    if any(TN3K.fullmatch(part) for path in files for part in path.relative_to(root).parts[:-1]):
        return "tn3k"
    if any(ham10000.MASK.fullmatch(path.stem) for path in files):
        return "ham10000"
    found = [k for k in ("coco", "yolo", "voc", "csv", "masks") if any(map(_filled, candidates(k, root, files)))]
    if not found:
        raise ValueError(
            f"{root} holds no boxes that are known: no masks, COCO, YOLO or VOC files, and no table with columns "
            "file,xmin,ymin,xmax,ymax; --annotations PATH names them."
        )
    if len(found) > 1:
        raise ValueError(f"{root} holds boxes in several forms: {', '.join(found)}; say which with --kind.")
    return found[0]


def _filled(path: Path) -> bool:
    return path.stat().st_size > 0


def candidates(kind: str, root: Path, files: Sequence[Path]) -> list[Path]:
    """Return the files that hold boxes or masks of one kind, by their names and first lines."""
    if kind == "masks":
        return [path for path in files if path.suffix.lower() in IMAGES and is_mask(root, path)]
    suffix, holds = {
        "coco": (".json", _is_coco),
        "yolo": (".txt", _is_yolo),
        "voc": (".xml", voc_begins),
        "csv": (".csv", _is_box_table),
    }[kind]
    return [path for path in files if path.suffix.lower() == suffix and holds(path)]


def _is_coco(path: Path) -> bool:
    try:
        coco_content(path)
    except ValueError:
        return False
    return True


def _is_yolo(path: Path) -> bool:
    """Empty files count too: they say that their image has no object."""
    if path.name.lower() in (*NAME_LISTS, *NAME_YAMLS):
        return False
    first = next((line or b"x" for _, line in limited_lines(path) if line is None or line.strip()), b"")
    return not first or bool(YOLO_LINE.fullmatch(first))


def _is_box_table(path: Path) -> bool:
    for _, row in numbered_rows(path, Problems()):
        try:
            columns_of(row, path)
        except ValueError:
            return False
        return True
    return False
