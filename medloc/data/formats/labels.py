"""Label files, one for each image: YOLO's text and the XML of PASCAL VOC, LabelImg and CVAT.

A YOLO file has one line an object, `class cx cy w h` or `class x y x y ...`, all in [0, 1]. A VOC file has one
<object> a box, in px. A file that cannot be read is an error; its image is never taken as one without a target.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import yaml
from defusedxml.ElementTree import fromstring

from medloc.boxes import Box
from medloc.data.files import BOXES, FIELD, SIDECAR, Problems, limited_bytes, visible_files
from medloc.data.formats import CONFIDENCE, Annotation, Form, numbers

NAME_LISTS = ("classes.txt", "obj.names", "_darknet.labels")
NAME_YAMLS = ("data.yaml", "dataset.yaml")
LINE = re.compile(r"\s*\d+(\.0*)?([\s,;]+-?[\d.]+(e-?\d+)?){4,}\s*", re.IGNORECASE)
ROUNDING = 0.01  # how far beyond [0, 1] a rounded number may lie; pixels are checked later
EDGES = ("xmin", "ymin", "xmax", "ymax")

Found = tuple[str, Box]


def read_yolo(path: Path, names: Mapping[int, str], problems: Problems, order: str | None = None) -> Annotation:
    """Read one label file; an empty one says that there is no object.

    Args:
        path: The file.
        names: Class number -> name.
        problems: Takes errors and quirks.
        order: "cxcywh-confidence" where a fifth number is a detector's confidence; it is refused otherwise.
    """
    return _annotation(path, problems, _lines, lambda line: _yolo_object(line, names, problems, order), True)


def read_voc(path: Path, problems: Problems) -> Annotation:
    """Read one label file; one without objects says that there is none.

    The image is found by the name of the file: the <filename> inside is often that of a copy long gone.
    """
    return _annotation(path, problems, _objects, _voc_object, False)


def _annotation(
    path: Path,
    problems: Problems,
    parse: Callable[[Path], tuple[tuple[int, int] | None, list[tuple[str, Any]]]],
    read: Callable[[Any], Found],
    normalised: bool,
) -> Annotation:
    """Return the boxes of one file: `parse` gives its size and objects with their places, `read` the box of one."""
    boxes: list[Found] = []
    size, before = None, problems.count
    with problems.collected(str(path)):
        size, objects = parse(path)
        if len(objects) > BOXES:
            raise ValueError(f"more than {BOXES} boxes.")
        for where, one in objects:
            with problems.collected(f"{path} {where}"):
                boxes.append(read(one))
    broken = problems.count > before
    return Annotation(
        str(path), str(path), () if broken else tuple(boxes), size=size, normalised=normalised, broken=broken
    )


def class_names(files: Iterable[Path]) -> dict[int, str]:
    """Return class number -> name from the list or YAML file beside the labels; {} where there is none.

    Raises:
        ValueError: naming a file that cannot be read.
    """
    for path in files:
        try:
            if path.name.lower() in NAME_LISTS:
                return dict(enumerate(line.strip() for line in _text(path).splitlines() if line.strip()))
            if path.name.lower() in NAME_YAMLS:
                names = yaml.safe_load(_text(path))["names"]
                pairs = dict(names.items() if isinstance(names, dict) else enumerate(names))
                if not all(isinstance(name, str) and len(name) <= FIELD for name in pairs.values()):
                    raise ValueError
                return {int(number): name for number, name in pairs.items()}
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise ValueError(f"{path}: must have names, a list of class names.") from None
    return {}


def is_yolo(path: Path) -> bool:
    """Tell whether a text file is a label file. An empty one is: it says that its image has no object."""
    if path.name.lower() in (*NAME_LISTS, *NAME_YAMLS):
        return False
    with path.open("rb") as file:
        first = next((line for line in _decoded(file.read(4096)).splitlines() if line.partition("#")[0].strip()), "")
    return not first or bool(LINE.fullmatch(first.partition("#")[0]))


def is_voc(path: Path) -> bool:
    """Tell whether an XML file looks like one of these, without reading it as XML."""
    with path.open("rb") as file:
        return "<annotation" in _decoded(file.read(4096)).lower()


def _decoded(content: bytes) -> str:
    """Decode text with or without a byte order mark; what cannot be decoded is replaced."""
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if utf16 else "utf-8-sig", "replace")


def _text(path: Path) -> str:
    text = _decoded(limited_bytes(path, SIDECAR))
    if "\ufffd" in text:
        raise ValueError("is not UTF-8 text.")
    return text


def _lines(path: Path) -> tuple[None, list[tuple[str, list[str]]]]:
    lines = [re.split(r"[\s,;]+", line.partition("#")[0].strip(" \t,;")) for line in _text(path).splitlines()]
    return None, [(f"line {number}", fields) for number, fields in enumerate(lines, start=1) if fields != [""]]


def _yolo_object(fields: list[str], names: Mapping[int, str], problems: Problems, order: str | None) -> Found:
    line = " ".join(fields)[:80]
    number, *values = numbers(fields, f"{line} are not a class and numbers.")
    if not number.is_integer() or number < 0:
        raise ValueError(f"{line} are not a class and numbers.")
    if len(values) == 5 and order != CONFIDENCE:
        raise ValueError(
            f"{line}: a fifth number is an angle or a confidence; --order {CONFIDENCE} takes it for a confidence, and "
            "turned boxes must be made upright first."
        )
    if any(not -ROUNDING <= value <= 1 + ROUNDING for value in values):
        raise ValueError(f"{line}: the numbers must lie in [0, 1]; YOLO's are shares of the image.")
    if len(values) in (4, 5):
        cx, cy, w, h = values[:4]
        box = Box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    elif len(values) >= 6 and len(values) % 2 == 0:
        problems.quirks["polygons, taken by the box around each"] += 1
        box = Box(min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    else:
        raise ValueError(f"{len(values)} numbers after the class; a box has 4, a polygon an even number from 6.")
    if box.width <= 0 or box.height <= 0:
        raise ValueError(f"{line}: width and height must be above 0.")
    return names.get(int(number), str(int(number))), box


def _tree(path: Path) -> Element:
    content = limited_bytes(path, SIDECAR)
    try:
        tree: Element = fromstring(content, forbid_dtd=True)
    except ParseError as error:
        raise ValueError(f"is not XML ({error}).") from None
    except (ValueError, LookupError) as error:  # defusedxml's refusals, an encoding that does not exist
        raise ValueError(f"refused: {type(error).__name__}; a label file declares no entities.") from None
    for one in tree.iter():
        one.tag = str(one.tag).lower()
    if tree.tag != "annotation":
        raise ValueError(f"begins with <{tree.tag[:80]}>; a VOC file begins with <annotation>.")
    return tree


def _objects(path: Path) -> tuple[tuple[int, int] | None, list[tuple[str, Element]]]:
    """Return the size that the boxes were drawn on, None where a tool wrote 0 for it, and every object."""
    tree = _tree(path)
    texts = [tree.findtext(f"size/{side}") or "0" for side in ("width", "height")]
    width, height = map(int, numbers(texts, f"size {'x'.join(texts)[:40]} is not two numbers."))
    objects = [(f"object {number}", one) for number, one in enumerate(tree.findall("object"), start=1)]
    return ((width, height) if width > 0 and height > 0 else None), objects


def _voc_object(one: Element) -> Found:
    if one.find("robndbox") is not None:
        raise ValueError("robndbox is a turned box; boxes of medloc are upright.")
    texts = [one.findtext(f"bndbox/{edge}") or "" for edge in EDGES]
    name = (one.findtext("name") or "").strip()
    if len(name) > FIELD:
        raise ValueError(f"name has more than {FIELD} characters.")
    return name, Box(*numbers(texts, "bndbox must have xmin, ymin, xmax, ymax, four numbers."))


def _read_all_yolo(files: Sequence[Path], root: Path, problems: Problems, order: str | None) -> Iterator[Annotation]:
    names = class_names(visible_files(root, (".txt", ".names", ".labels", ".yaml")))
    return (read_yolo(path, names, problems, order) for path in files)


YOLO = Form(".txt", is_yolo, _read_all_yolo, False, "images without a label file, taken as without a target")
VOC = Form(".xml", is_voc, lambda files, _, problems, __: (read_voc(path, problems) for path in files), False)
