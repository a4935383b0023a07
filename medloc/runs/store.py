"""Files of a run: read within bounds, so that what is longer, larger or deeper is refused by name; records among them.

Records are written whole or not at all, read with every defect named, and found by folder.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, get_args

from medloc.runs.atomic import write_text
from medloc.runs.record import SCHEMA, CurvePoint, Identity, Record, RunMetrics, Scores, Status

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


RECORD_NAME = "record.json"
MOVED_ASIDE = ".moved-"

FIELDS = tuple(item.name for item in fields(Record))


class Found(NamedTuple):
    """The records of a results folder, sorted by key, and one line for every file that is none."""

    records: list[Record]
    problems: list[str]


def write_record(folder: Path, record: Record) -> Path:
    """Write `folder/record.json`, whole or not at all, and return its path.

    Raises:
        ValueError: A number is NaN or infinite, the status is unknown, or a failed run has no reason; named
            by field.
    """
    content = {name: getattr(record, name) for name in FIELDS}
    _check(content)
    path = folder / RECORD_NAME
    write_text(path, _layout(content))
    return path


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        ValueError: The file is torn, is no record, or has another schema; the message names the file.
        FileNotFoundError: It is not there.
    """
    try:
        content = parsed(bounded_text(path))
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError alike
        raise ValueError(f"{path}: not whole JSON ({error}). Remove it and run its command again.") from None
    try:
        return _record_from(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def find_records(results: Path) -> Found:
    """Read every `results/runs/<key>/record.json`, in the order of the keys.

    A file that cannot be read, has another schema, or lies in a folder that is not named by its key does not
    stop the others: it becomes one line in `problems`. A run moved aside (`<key>.moved-...`) is passed over.
    """
    found = Found([], [])
    for path in sorted((results / "runs").glob(f"*/{RECORD_NAME}")):
        name = f"runs/{path.parent.name}/{RECORD_NAME}"
        if MOVED_ASIDE in path.parent.name:
            continue
        try:
            record = read_record(path)
        except (ValueError, OSError) as error:
            found.problems.append(str(error).replace(str(path), name))
            continue
        if record.key == path.parent.name:
            found.records.append(record)
        else:
            found.problems.append(f"{name}: is the record of run {record.key}, not of this folder; not counted.")
    return found


def _record_from(content: Any) -> Record:
    if not isinstance(content, dict) or "schema" not in content:
        raise ValueError("not a run's record.")
    if content["schema"] != SCHEMA:
        raise ValueError(f"schema={content['schema']!r} is not {SCHEMA}; run its command again with rerun=true.")
    if set(content) != set(FIELDS):
        missing, unknown = sorted(set(FIELDS) - set(content)), sorted(set(content) - set(FIELDS))
        raise ValueError(f"not a run's record: missing {missing}, unknown {unknown}.")
    _check(content)
    return Record(**content)


def _check(content: Mapping[str, Any]) -> None:
    """Refuse what no table could use, naming the field."""
    if content["status"] not in get_args(Status):
        raise ValueError(f"status={content['status']!r} must be one of {', '.join(get_args(Status))}.")
    if content["status"] == "failed" and not content["reason"]:
        raise ValueError("reason=None must say why the run failed.")
    for key, kind in (("identity", Identity), ("metrics", RunMetrics)):
        _check_keys(key, content[key], kind.__annotations__)
    _check_types(content)
    for place, number in _floats(content, ""):
        if not math.isfinite(number):
            raise ValueError(f"{place}={number} must be finite; write None where there is no number.")


def _check_types(content: Mapping[str, Any]) -> None:
    """Refuse a value that a reader would stumble over, naming its field."""
    for key in ("config", "provenance", "fingerprints", "timings"):
        _require(isinstance(content[key], dict), key, content[key], "an object")
    for key in ("key", "label", "started"):
        _require(isinstance(content[key], str), key, content[key], "text")
    for key, value in content["identity"].items():
        whole = key in ("steps", "seed")
        fits = type(value) is int if whole else isinstance(value, str) or (key == "schedule" and value is None)
        _require(fits, f"identity.{key}", value, "a whole number" if whole else "text")
    for key in ("zero_shot", "final", "last", "answer_grid"):
        if content["metrics"][key] is not None:
            _check_keys(f"metrics.{key}", content["metrics"][key], Scores.__annotations__)
            for name, value in content["metrics"][key].items():
                _require(value is None or _is_number(value), f"metrics.{key}.{name}", value, "a number or null")
    curve = content["metrics"]["curve"]
    _require(isinstance(curve, list), "metrics.curve", curve, "a list")
    for number, point in enumerate(curve):
        _check_keys(f"metrics.curve[{number}]", point, CurvePoint.__annotations__)
    series, ious = content["series"], content["test_ious"]
    lists = series is None or (isinstance(series, dict) and all(isinstance(row, list) for row in series.values()))
    _require(lists, "series", series, "lists by name, or null")
    numbers = ious is None or (isinstance(ious, list) and all(_is_number(iou) and 0 <= iou <= 1 for iou in ious))
    _require(numbers, "test_ious", ious, "a list of numbers in [0, 1], or null")


def _require(holds: bool, place: str, value: Any, rule: str) -> None:
    if not holds:
        raise ValueError(f"{place}={str(value)[:80]} must be {rule}.")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _check_keys(place: str, value: Any, expected: Mapping[str, Any]) -> None:
    if not isinstance(value, dict) or set(value) != set(expected):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise ValueError(f"{place} must hold exactly {sorted(expected)}, not {found}.")


def _floats(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """Yield every float below `value` with its dotted place."""
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _floats(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _floats(item, f"{place}[{index}]")


def _layout(content: Mapping[str, Any]) -> str:
    """Indent for the reader, but keep each long list of numbers on one line."""
    lines = [f"  {json.dumps(name)}: {_layout_field(name, value)}" for name, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _layout_field(name: str, value: Any) -> str:
    if name == "series" and value:
        rows = (f"    {json.dumps(key)}: {json.dumps(row, allow_nan=False)}" for key, row in value.items())
        return "{\n" + ",\n".join(rows) + "\n  }"
    indent = None if name == "test_ious" else 2
    return json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False).replace("\n", "\n  ")
