"""Tables whose delimiter is a comma, a semicolon or a tab, with or without a byte-order mark."""

import csv
from collections.abc import Iterator
from pathlib import Path

from medloc.data.limits import FIELD, LINE, limited_lines
from medloc.data.problems import Problems

Row = dict[str, str]


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
    problems.raise_first("")
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
