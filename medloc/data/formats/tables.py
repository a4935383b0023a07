"""Files that list the boxes of many images: tables, and COCO's JSON.

A table has a comma, a semicolon or a tab between cells, and columns `file,xmin,ymin,xmax,ymax` in px. COCO's boxes are
[x, y, width, height] in px.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from medloc.boxes import Box
from medloc.data.files import BOXES, DOCUMENT, FIELD, LINE, Problems, limited_bytes, limited_lines, parsed
from medloc.data.formats import Annotation, Form, as_box, numbers

Row = dict[str, str]

COLUMNS = {
    "file": ("file", "filename", "file_name", "image", "image_path", "path", "name", "image_id", "dicom_id"),
    "xmin": ("xmin", "x_min", "x0", "x1", "left"),
    "ymin": ("ymin", "y_min", "y0", "y1", "top"),
    "xmax": ("xmax", "x_max", "x1", "x2", "right"),
    "ymax": ("ymax", "y_max", "y1", "y2", "bottom"),
    "label": ("label", "class", "class_name", "category_name", "category"),
    "group": ("group", "patient", "patient_id", "subject_id", "lesion_id", "case"),
    "split": ("split", "subset", "part"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
}
"""Column -> the names under which it is accepted, the documented one first."""

EDGES, SIZED = ("xmin", "ymin", "xmax", "ymax"), ("x", "y", "w", "h")
NEEDED = ("file", *EDGES)

Word = Annotated[str, Field(max_length=FIELD, strict=True)]
Id = Annotated[int, Field(strict=True)] | Word
Number = Annotated[float, Field(strict=True, gt=-1e9, lt=1e9)]


@dataclass(frozen=True)
class CocoImage:
    """One of COCO's images; a size may be missing."""

    id: Id
    file_name: Word
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class CocoObject:
    """One of COCO's annotations. A crowd region has a box, and is none of one object."""

    image_id: Id
    bbox: tuple[Number, Number, Number, Number]
    category_id: Id | None = None
    iscrowd: bool | None = False
    area: float | None = None


@dataclass(frozen=True)
class CocoCategory:
    """One of COCO's categories."""

    id: Id
    name: Word


def read_coco(path: Path, problems: Problems, order: str | None = None) -> list[Annotation]:
    """Read one file; an image without annotation has no object.

    Args:
        path: The file.
        problems: Takes an error for every entry that cannot be read.
        order: What the numbers of a box are; None takes COCO's "xywh".

    Raises:
        ValueError: It is no COCO file; the message names it.
    """
    content = coco_content(path)
    images: dict[Id, tuple[str, CocoImage]] = {}
    for where, _, image in _entries(CocoImage, path, content, "images", problems):
        if image is not None and image.id in images:
            problems.error(where, f"id {image.id} is that of an earlier image.")
        elif image is not None:
            images[image.id] = where, image
    names = {one.id: one.name for _, _, one in _entries(CocoCategory, path, content, "categories", problems) if one}
    boxes, skipped = defaultdict[Id, list[tuple[str, Box]]](list), defaultdict[Id, int](int)
    broken, areas = set[Any](), list[CocoObject]()
    for where, raw, one in _entries(CocoObject, path, content, "annotations", problems):
        if one is None:
            broken.add(str(raw.get("image_id")) if isinstance(raw, dict) else None)
        elif one.image_id not in images:
            problems.error(where, f"image_id {one.image_id} is no image of this file.")
        elif one.iscrowd:
            problems.quirks["crowd regions, left out"] += 1
            skipped[one.image_id] += 1
        else:
            label = "" if one.category_id is None else names.get(one.category_id, "")
            boxes[one.image_id].append((label, as_box(one.bbox, order or "xywh")))
            areas += [one] if one.area else []
    by_order = [(one.area, as_box(one.bbox, "xyxy").area, as_box(one.bbox, "xywh").area) for one in areas]
    if order is None and areas and all(area == xyxy != xywh for area, xyxy, xywh in by_order):
        raise ValueError(f"{path}: by their areas, its boxes are [xmin, ymin, xmax, ymax]; --order xyxy reads them so.")
    found = []
    for name, (where, image) in images.items():
        if len(boxes[name]) > BOXES:
            problems.error(where, f"more than {BOXES} boxes on image {name}.")
        bad = str(name) in broken or len(boxes[name]) > BOXES
        width, height = image.width or 0, image.height or 0
        size = (width, height) if width > 0 and height > 0 else None
        of_image = () if bad else tuple(boxes[name])
        found.append(Annotation(image.file_name, where, of_image, size=size, broken=bad, skipped=skipped[name]))
    return found


def _entries(
    kind: Any, path: Path, content: Mapping[str, Any], key: str, problems: Problems
) -> Iterator[tuple[str, Any, Any]]:
    """Yield place, content and object of every entry of a list; the object is None after an error."""
    for place, raw in enumerate(content.get(key) or ()):
        where, one = f"{path} {key}[{place}]", None
        with problems.collected(where):
            one = parsed(kind, raw)
        yield where, raw, one


def coco_content(path: Path) -> dict[str, Any]:
    """Return the content of a COCO file, with lists of images and annotations.

    Raises:
        ValueError: It is no COCO file; the message names it.
    """
    text = limited_bytes(path, DOCUMENT)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: is not JSON.") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise ValueError(f"{path}: a COCO file has images and annotations, two lists.")
    if not isinstance(content.get("categories", []), list):
        raise ValueError(f"{path}: categories must be a list.")
    return content


def is_coco(path: Path) -> bool:
    """Tell whether a JSON file is one of COCO's."""
    try:
        coco_content(path)
    except ValueError:
        return False
    return True


def read_rows(path: Path, columns: tuple[str, ...] = ()) -> list[Row]:
    """Read a table whole.

    Args:
        path: The table.
        columns: Its column names if it has no header line.

    Raises:
        ValueError: naming the table and the line that cannot be read.
    """
    problems = Problems()
    rows = [row for _, row in numbered_rows(path, problems, columns)]
    problems.raise_first()
    return rows


def numbered_rows(path: Path, problems: Problems, columns: tuple[str, ...] = ()) -> Iterator[tuple[int, Row]]:
    """Yield the number of its last line and the cells of every row, without blanks around them.

    A row that cannot be read is an error in `problems`, named by its line, and is left out.
    """
    bad: dict[int, str] = {}
    reader = csv.reader(_texts(path, bad), delimiter=_delimiter(path))
    names = list(columns)
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            problems.error(f"{path} line {reader.line_num}", f"{error}.")
            continue
        if reader.line_num in bad:
            problems.error(f"{path} line {reader.line_num}", bad[reader.line_num])
        elif any(len(cell) > FIELD for cell in cells):
            problems.error(f"{path} line {reader.line_num}", f"a cell has more than {FIELD} characters.")
        elif any(cells) and not names:
            names = cells
        elif any(cells):
            cells += [""] * (len(names) - len(cells))
            yield reader.line_num, {name: cell for name, cell in zip(names, cells, strict=False) if name}


def _texts(path: Path, bad: dict[int, str]) -> Iterator[str]:
    """Yield every line as text; what is wrong with a line goes to `bad`."""
    for number, line in limited_lines(path):
        if line is None:
            bad[number] = f"more than {LINE} bytes."
        try:
            yield "\n" if line is None else line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            bad[number] = "is not UTF-8; save the table as UTF-8."
            yield "\n"


def _delimiter(path: Path) -> str:
    first = next((line or b"" for _, line in limited_lines(path)), b"")
    if b"\t" in first:
        return "\t"
    return ";" if b";" in first and b"," not in first else ","


def read_box_table(table: Path, problems: Problems, order: str | None = None) -> Iterator[Annotation]:
    """Yield every row; one whose four numbers are all empty says that its image has no object.

    Args:
        table: The table. Columns x, y, w, h are taken where there is no xmin; label, group, split, and the width and
            height of the image, are taken where there are any.
        problems: Takes an error for every row that cannot be read.
        order: What the numbers of a box are; None takes what the columns say.

    Raises:
        ValueError: a column is missing; the message names the table and the column.
    """
    columns: dict[str, str] = {}
    for number, row in numbered_rows(table, problems):
        columns = columns or columns_of(row, table)
        where, before = f"{table} line {number}", problems.count
        cells = defaultdict(str, {column: row.get(name, "") for column, name in columns.items()})
        if not cells["file"]:
            problems.error(where, "no file is named.")
            continue
        boxes: tuple[tuple[str, Box], ...] = ()
        size = None
        with problems.collected(where):
            texts = [cells[column] for column in (SIZED if "x" in columns else EDGES)]
            if any(texts):
                values = numbers(texts, f"{','.join(texts)} are not four numbers.")
                boxes = ((cells["label"], as_box(values, order or ("xywh" if "x" in columns else "xyxy"))),)
            if cells["width"] and cells["height"]:
                sides = cells["width"], cells["height"]
                width, height = map(int, numbers(sides, f"width and height {' '.join(sides)} are not two numbers."))
                size = width, height
        about = Annotation(cells["file"], where, boxes, size=size, broken=problems.count > before)
        yield replace(about, label=cells["label"], group=cells["group"], split=cells["split"])
    if not columns:
        raise ValueError(f"{table}: has no row; the columns must be {','.join(NEEDED)}.")


def columns_of(names: Sequence[str] | Mapping[str, str], table: Path) -> dict[str, str]:
    """Return column -> its name in this table.

    Raises:
        ValueError: one is missing; the message names it.
    """
    present = {name.lower(): name for name in names}
    found: dict[str, str] = {}
    if not present.keys() & set(COLUMNS["xmin"]) and present.keys() >= set(SIZED):
        found = {name: present[name] for name in SIZED}
    for column, aliases in COLUMNS.items():
        if "x" in found and column in EDGES:
            continue
        free = [alias for alias in aliases if alias in present and present[alias] not in found.values()]
        if free:
            found[column] = present[free[0]]
        elif column in NEEDED:
            raise ValueError(f"{table}: no column {column}; the columns must be {','.join(NEEDED)}.")
    return found


def is_box_table(path: Path) -> bool:
    """Tell whether a table has columns of boxes."""
    for _, row in numbered_rows(path, Problems()):
        try:
            return bool(columns_of(row, path))
        except ValueError:
            return False
    return False


COCO = Form(".json", is_coco, lambda files, _, p, order: (a for f in files for a in read_coco(f, p, order)), True)
CSV = Form(
    ".csv", is_box_table, lambda files, _, p, order: (a for f in files for a in read_box_table(f, p, order)), True
)
