"""Boxes in a table, one row a box: `file,xmin,ymin,xmax,ymax` in px, under the names that such columns go by."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medloc.boxes import Box
from medloc.data.formats.annotation import Annotation
from medloc.data.formats.table import numbered_rows
from medloc.data.problems import Problems

ALIASES = {
    "file": ("file", "filename", "file_name", "image", "image_path", "path", "name", "image_id", "dicom_id"),
    "xmin": ("xmin", "x_min", "x0", "x1", "left"),
    "ymin": ("ymin", "y_min", "y0", "y1", "top"),
    "xmax": ("xmax", "x_max", "x1", "x2", "right"),
    "ymax": ("ymax", "y_max", "y1", "y2", "bottom"),
}
"""Column -> the names under which it is accepted, the documented one first."""

OPTIONAL = {
    "label": ("label", "class", "class_name", "category_name", "category"),
    "group": ("group", "patient", "patient_id", "subject_id", "lesion_id", "case"),
    "split": ("split", "subset", "part"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
}
CORNERS = ("xmin", "ymin", "xmax", "ymax")
SIZED = ("x", "y", "w", "h")
NEEDED = "file,xmin,ymin,xmax,ymax"


def read_box_table(table: Path, problems: Problems) -> Iterator[Annotation]:
    """Yield every row; one whose four numbers are all empty says that its image has no object.

    Args:
        table: The table. Columns x, y, w, h are taken where there is no xmin; label, group, split, and the width and
            height of the image, are taken where there are any.
        problems: Takes an error for every row that cannot be read.

    Raises:
        ValueError: a column is missing; the message names the table and the column.
    """
    columns: dict[str, str] = {}
    for number, row in numbered_rows(table, problems):
        columns = columns or columns_of(row, table)
        where = f"{table} line {number}"
        cells = {column: row.get(name, "") for column, name in columns.items()}
        if not cells["file"]:
            problems.error(where, "no file is named.")
            continue
        before = problems.count
        boxes: tuple[tuple[str, Box], ...] = ()
        size = None
        with problems.collected(where):
            boxes, size = _boxes(cells), _size(cells)
        label, group, split = (cells.get(key, "") for key in ("label", "group", "split"))
        broken = problems.count > before
        yield Annotation(cells["file"], where, boxes, size=size, label=label, group=group, split=split, broken=broken)
    if not columns:
        raise ValueError(f"{table}: has no row; the columns must be {NEEDED}.")


def columns_of(names: Sequence[str] | Mapping[str, str], table: Path) -> dict[str, str]:
    """Return column -> its name in this table.

    Raises:
        ValueError: one is missing; the message names it.
    """
    present = {name.lower(): name for name in names}
    found = {"file": _first(present, ALIASES["file"], table, "file")}
    if not any(alias in present for alias in ALIASES["xmin"]) and all(name in present for name in SIZED):
        found |= {name: present[name] for name in SIZED}
    else:
        taken: set[str] = set()
        for column in CORNERS:
            aliases = [alias for alias in ALIASES[column] if alias not in taken]
            taken.add(_first(present, aliases, table, column).lower())
            found[column] = _first(present, aliases, table, column)
    optional = {c: next((present[a] for a in aliases if a in present), "") for c, aliases in OPTIONAL.items()}
    return found | {column: name for column, name in optional.items() if name}


def _first(present: Mapping[str, str], aliases: Sequence[str], table: Path, column: str) -> str:
    for alias in aliases:
        if alias in present:
            return present[alias]
    raise ValueError(f"{table}: no column {column}; the columns must be {NEEDED}.")


def _boxes(cells: Mapping[str, str]) -> tuple[tuple[str, Box], ...]:
    texts = [cells[column] for column in (SIZED if "x" in cells else CORNERS)]
    if not any(texts):
        return ()
    try:
        a, b, c, d = map(float, texts)
    except ValueError:
        raise ValueError(f"{','.join(texts)} are not four numbers.") from None
    return ((cells.get("label", ""), Box(a, b, a + c, b + d) if "x" in cells else Box(a, b, c, d)),)


def _size(cells: Mapping[str, str]) -> tuple[int, int] | None:
    texts = cells.get("width", ""), cells.get("height", "")
    if not all(texts):
        return None
    try:
        width, height = (int(float(text)) for text in texts)
    except (ValueError, OverflowError):
        raise ValueError(f"width and height {' '.join(texts)} are not two numbers.") from None
    return width, height
