"""How much is read of a file that somebody else wrote before it is refused: one place for every limit.

A data set is as trustworthy as the archive it came in. Nothing here is near what an honest file holds; a file beyond
a limit is named and refused, so that no line, field or image can fill the memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LINE = 2**20
"""Bytes of one line, its end included: of a manifest, a table, a label file."""

FIELD = 4096
"""Characters of one text: an id, a path, a class, a group, a prompt, a cell of a table."""

SIDECAR = 2**20
"""Bytes of one image's own label file (YOLO, VOC) and of a list of class names."""

DOCUMENT = 2**28
"""Bytes of a COCO file, which is read as a whole."""

BOXES = 1000
"""Boxes, or components of masks, on one image."""

PIXELS = 2**26
"""Pixels of one image or mask: 8192 x 8192."""

LISTED = 10_000
"""Errors that are kept to be shown; all are counted."""


def limited_bytes(path: Path, limit: int) -> bytes:
    """Return what a file holds.

    Raises:
        ValueError: it holds more than `limit` bytes; the message names it.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path}: holds more than {limit} bytes; is it what its name says?")
    return content


def limited_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of every line; None stands for one of more than `LINE` bytes, which is skipped."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE + 1):
            number += 1
            long = len(line) > LINE
            if long:
                _skip(file, line)
            yield number, None if long else line


def _skip(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(LINE)


def limited_text(value: object, what: str) -> str:
    """Return a text of at most `FIELD` characters as it is.

    Raises:
        ValueError: it is no text, or longer; `what` names it.
    """
    if not isinstance(value, str):
        raise ValueError(f"{what} must be a text.")
    if len(value) > FIELD:
        raise ValueError(f"{what} has more than {FIELD} characters.")
    return value
