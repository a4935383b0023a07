"""Reading a manifest, whoever wrote it: what is wrong with a line is collected, and named by its number."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medloc.boxes import Box
from medloc.data.formats.box_check import checked_box
from medloc.data.limits import BOXES, LINE, limited_lines, limited_text
from medloc.data.manifests.manifest import PARTS, VERSION, Header, Manifest, ManifestRow
from medloc.data.problems import Problems

NUMBERED = re.compile(r"#\d+$")  # how the boxes of one image are told apart where each is an example


def read_header(path: Path) -> Header:
    """Read the first line.

    Raises:
        ValueError: the file is no manifest; the message names it.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such manifest; `python -m medloc.data prepare FOLDER` writes one.")
    line = next((line for _, line in limited_lines(path)), b"")
    try:
        return _header(_object(line))
    except ValueError as error:
        raise ValueError(f"{path} line 1: {error}") from None


def read_manifest(path: Path, problems: Problems) -> Manifest:
    """Read a manifest; rows that cannot be used are errors in `problems` and left out.

    Raises:
        ValueError: the header cannot be used; the message names the file.
    """
    header, rows, lines = read_header(path), [], []
    seen: dict[tuple[str, str], int] = {}
    for number, line in limited_lines(path):
        if number == 1 or (line is not None and not line.strip()):
            continue
        where = f"{path} line {number}"
        with problems.collected(where):
            row = _row(_object(line))
            _note(seen, "id", row.id, number)
            _note(seen, "image", row.image, number)
            rows.append(row)
            lines.append(number)
    _check_split(path, rows, lines, problems)
    return Manifest(header, tuple(rows), tuple(lines))


def _note(seen: dict[tuple[str, str], int], key: str, value: str, number: int) -> None:
    first = seen.setdefault((key, value), number)
    if first != number:
        remedy = "give one row with all its boxes" if key == "image" else "ids must differ"
        raise ValueError(f"{key} {value} stands on line {first} already; {remedy}.")


def _check_split(path: Path, rows: list[ManifestRow], lines: list[int], problems: Problems) -> None:
    if any(row.split for row in rows):
        for row, number in zip(rows, lines, strict=True):
            if row.split is None:
                problems.error(f"{path} line {number}", "no split where other rows have one; give all or none.")


def _object(line: bytes | None) -> Mapping[str, Any]:
    if line is None:
        raise ValueError(f"has more than {LINE} bytes.")
    try:
        content = json.loads(line.decode("utf-8-sig"), parse_constant=_refused)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON; is the line cut off?") from None
    if not isinstance(content, dict):
        raise ValueError("must be a JSON object.")
    return content


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _header(content: Mapping[str, Any]) -> Header:
    if content.get("medloc_manifest") != VERSION or isinstance(content["medloc_manifest"], bool):
        raise ValueError(f'the first line of a manifest must have "medloc_manifest": {VERSION}.')
    _known(content, {"medloc_manifest", "name", "target", "prompt", "origin", "root"})
    header = Header(
        _filled(content, "name"),
        _filled(content, "target"),
        None if content.get("prompt") is None else _filled(content, "prompt"),
        _filled(content, "origin") if "origin" in content else "real",
        _filled(content, "root") if "root" in content else ".",
    )
    if "\0" in header.root:
        raise ValueError("root is no path.")
    return header


def _row(content: Mapping[str, Any]) -> ManifestRow:
    _known(content, set(ManifestRow.__dataclass_fields__))
    name, width, height = _filled(content, "id"), _side(content, "width"), _side(content, "height")
    if NUMBERED.search(name):
        raise ValueError(f"id {name} ends like the number of a box (dataset.boxes=all); give it another.")
    boxes = tuple(_box(values, width, height) for values in _list(content, "boxes"))
    areas = None if content.get("areas") is None else tuple(map(_area, _list(content, "areas")))
    if areas is not None and len(areas) != len(boxes):
        raise ValueError(f"{len(areas)} areas for {len(boxes)} boxes.")
    split = content.get("split")
    if split is not None and split not in PARTS:
        raise ValueError(f"split={split!r} is not known; use one of {', '.join(PARTS)}, or null.")
    masks = tuple(limited_text(mask, "a mask") for mask in _list(content, "masks")) if content.get("masks") else ()
    label, group = (limited_text(content.get(key) or "", key) for key in ("label", "group"))
    return ManifestRow(name, _filled(content, "image"), width, height, boxes, areas, label, group or name, split, masks)


def _known(content: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(content) - known)
    if unknown:
        raise ValueError(f"{str(unknown[0])[:80]!r} is no key of this line; the keys are {', '.join(sorted(known))}.")


def _filled(content: Mapping[str, Any], key: str) -> str:
    text = limited_text(content.get(key), key)
    if not text.strip():
        raise ValueError(f"{key} must not be empty.")
    return text


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    values = content.get(key)
    if not isinstance(values, list):
        raise ValueError(f"{key} must be a list.")
    if len(values) > BOXES:
        raise ValueError(f"{key} has more than {BOXES} entries.")
    return values


def _side(content: Mapping[str, Any], key: str) -> int:
    value = content.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**9:
        raise ValueError(f"{key} must be a whole number of px, at least 1.")
    return value


def _area(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**18:
        raise ValueError("an area must be a whole number of px, at least 1.")
    return value


def _box(values: Any, width: int, height: int) -> Box:
    numbers = values if isinstance(values, list) and len(values) == 4 else [None]
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ValueError("a box must be four numbers [xmin, ymin, xmax, ymax].")
    return checked_box(Box(*map(_real, numbers)), width, height)


def _real(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
