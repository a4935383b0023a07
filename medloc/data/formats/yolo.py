"""YOLO's label files: one per image, one line per object, `class cx cy w h` or `class x y x y ...`, all in [0, 1]."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from medloc.boxes import Box
from medloc.data.files import visible_files
from medloc.data.formats import Annotation, Form
from medloc.data.untrusted import BOXES, SIDECAR, Problems, limited_bytes, limited_lines, limited_text

NAME_LISTS = ("classes.txt", "obj.names", "_darknet.labels")
NAME_YAMLS = ("data.yaml", "dataset.yaml")
LINE = re.compile(rb"\s*\d+(\s+-?[\d.]+(e-?\d+)?){4,}\s*", re.IGNORECASE)
ROUNDING = 0.01  # how far beyond [0, 1] a rounded number may lie; pixels are checked later


def read_yolo(path: Path, names: Mapping[int, str], problems: Problems) -> Annotation:
    """Read one label file; an empty one says that there is no object. `names`: class number -> name."""
    boxes: list[tuple[str, Box]] = []
    before = problems.count
    with problems.collected():
        lines = _text(path).splitlines()
        for number, line in enumerate(lines, start=1):
            if line.strip():
                with problems.collected(f"{path} line {number}"):
                    boxes.append(_object(line.split(), names, problems))
            if len(boxes) > BOXES:
                raise ValueError(f"{path}: more than {BOXES} boxes.")
    broken = problems.count > before
    return Annotation(str(path), str(path), () if broken else tuple(boxes), normalised=True, broken=broken)


def class_names(files: list[Path]) -> dict[int, str]:
    """Return class number -> name from the list or YAML file beside the labels; {} where there is none.

    Raises:
        ValueError: naming a file that cannot be read.
    """
    for path in files:
        if path.name.lower() in NAME_LISTS:
            return dict(enumerate(line.strip() for line in _text(path).splitlines() if line.strip()))
        if path.name.lower() in NAME_YAMLS:
            try:
                names = yaml.safe_load(_text(path))["names"]
                pairs = names.items() if isinstance(names, dict) else enumerate(names)
                return {int(number): limited_text(name, "a class name") for number, name in pairs}
            except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
                raise ValueError(f"{path}: must have names, a list of class names.") from None
    return {}


def _text(path: Path) -> str:
    content = limited_bytes(path, SIDECAR)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not UTF-8 text.") from None


def _object(fields: list[str], names: Mapping[int, str], problems: Problems) -> tuple[str, Box]:
    try:
        number, *values = int(fields[0]), *map(float, fields[1:])
    except ValueError:
        raise ValueError(f"{' '.join(fields)[:80]} are not a class and numbers.") from None
    if not all(map(math.isfinite, values)) or any(not -ROUNDING <= value <= 1 + ROUNDING for value in values):
        raise ValueError(f"{' '.join(fields)[:80]}: the numbers must lie in [0, 1]; YOLO's are shares of the image.")
    if len(values) in (4, 5):  # the fifth is a detector's confidence
        cx, cy, w, h = values[:4]
        box = Box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    elif len(values) >= 6 and len(values) % 2 == 0:
        problems.quirks["polygons, taken by the box around each"] += 1
        box = Box(min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    else:
        raise ValueError(f"{len(values)} numbers after the class; a box has 4, a polygon an even number from 6.")
    if box.width <= 0 or box.height <= 0:
        raise ValueError(f"{' '.join(fields)[:80]}: width and height must be above 0.")
    return names.get(number, str(number)), box


def is_yolo(path: Path) -> bool:
    """Tell whether a text file is a label file. An empty one is: it says that its image has no object."""
    if path.name.lower() in (*NAME_LISTS, *NAME_YAMLS):
        return False
    first = next((line or b"x" for _, line in limited_lines(path) if line is None or line.strip()), b"")
    return not first or bool(LINE.fullmatch(first))


def _read_all(files: Sequence[Path], root: Path, problems: Problems) -> Iterable[Annotation]:
    names = class_names(visible_files(root))
    return [read_yolo(path, names, problems) for path in files]


FORM = Form(".txt", is_yolo, _read_all, False, "images without a label file, taken as without a target")
