"""Tables with a comma, a semicolon or a tab between cells; and boxes in them, `file,xmin,ymin,xmax,ymax` in px."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medloc.boxes import Box
from medloc.data.formats import Annotation, Form
from medloc.data.untrusted import FIELD, LINE, Problems, limited_lines

Row = dict[str, str]

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
EDGES = ("xmin", "ymin", "xmax", "ymax")
SIZED = ("x", "y", "w", "h")
NEEDED = "file,xmin,ymin,xmax,ymax"


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
        elif not any(cells):
            continue
        elif not names:
            names = cells
        else:
            cells += [""] * (len(names) - len(cells))
            yield reader.line_num, {name: cell for name, cell in zip(names, cells, strict=False) if name}


def _texts(path: Path, bad: dict[int, str]) -> Iterator[str]:
    """Yield every line as text; what is wrong with a line goes to `bad`."""
    for number, line in limited_lines(path):
        if line is None:
            bad[number] = f"more than {LINE} bytes."
            yield "\n"
            continue
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            bad[number] = "is not UTF-8; save the table as UTF-8."
            yield line.decode("utf-8", "replace")


def _delimiter(path: Path) -> str:
    first = next((line or b"" for _, line in limited_lines(path)), b"")
    if b"\t" in first:
        return "\t"
    return ";" if b";" in first and b"," not in first else ","


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
        for column in EDGES:
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
    texts = [cells[column] for column in (SIZED if "x" in cells else EDGES)]
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


def is_box_table(path: Path) -> bool:
    """Tell whether a table has columns of boxes."""
    for _, row in numbered_rows(path, Problems()):
        try:
            columns_of(row, path)
        except ValueError:
            return False
        return True
    return False


FORM = Form(
    ".csv",
    is_box_table,
    lambda files, _, problems: (one for path in files for one in read_box_table(path, problems)),
    names_images=True,
)
