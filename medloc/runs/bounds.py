"""How much a file may ask its reader to hold: what is longer, larger or deeper is refused by name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

MAX_LINE = 2**20
"""Bytes of one line of a .jsonl file: the IoUs of 100,000 completions, or an answer of 170,000 letters."""

MAX_FILE = 2**26
"""Bytes of a file that is read as a whole, such as a record: 64 MiB."""


def bounded_lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the lines of a file one by one.

    Raises:
        ValueError: A line has more than `MAX_LINE` bytes; names it by `name` and number, after the lines before it.
    """
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise ValueError(f"{name} line {number}: has more than {MAX_LINE:,} bytes; no line of a run is so long.")
        yield line


def bounded_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        ValueError: It has more than `MAX_FILE` bytes, or is not UTF-8.
        FileNotFoundError: It is not there.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"{path}: has more than {MAX_FILE:,} bytes; no such file of a run is so large.")
    return content.decode("utf-8")


def parsed(text: str | bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: It is not JSON, holds NaN or an infinity by name, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("is nested too deeply.") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")
