"""samples.jsonl: one line per test image, with everything needed to score it again without a GPU."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.boxes import SPACES, Box
from medloc.runs import atomic_writer, bounded_lines, parsed


@dataclass(frozen=True, slots=True)
class Sample:
    """One test image and the model's greedy answer to it.

    Attributes:
        id: Name of the image within its data set.
        group: Lesion or patient, for statistics that must not count one of them twice.
        label: Class name ("" where unknown); the key `class` in the file.
        width: Width of the original image, in pixels.
        height: Its height.
        space: The grid of the answer, one of `medloc.boxes.SPACES`.
        answer_width: Width of that grid.
        answer_height: Its height.
        truth: True box, in pixels of the original image.
        text: The answer, as generated.
        box: The answered box in pixels of the original image; None where the text holds none.
        failure: Why there is no box; None where there is one.
        iou: Overlap of `box` with `truth` in [0, 1], rounded to 6 decimals; 0 where there is no box.
    """

    id: str
    group: str
    label: str
    width: int
    height: int
    space: str
    answer_width: int
    answer_height: int
    truth: Box
    text: str
    box: Box | None
    failure: str | None
    iou: float


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples in the given order, one JSON object a line, the whole file or nothing."""
    with atomic_writer(path) as file:
        for sample in samples:
            file.write(json.dumps(_fields(sample), allow_nan=False) + "\n")


def read_samples(path: Path) -> Iterator[Sample]:
    """Read samples one by one, holding one at a time; blank lines are passed over.

    Raises:
        ValueError: A line is not a sample; the message names file and line.
        FileNotFoundError: There is no such file.
    """
    with path.open("rb") as file:
        for number, line in enumerate(bounded_lines(file, str(path)), start=1):
            if line.isspace():
                continue
            try:
                yield _sample(parsed(line))
            except (ValueError, OverflowError) as error:
                raise ValueError(f"{path} line {number}: {error}") from None


def _fields(sample: Sample) -> dict[str, Any]:
    """Return the sample under the names and in the order of the file."""
    return {
        "id": sample.id,
        "group": sample.group,
        "class": sample.label,
        "width": sample.width,
        "height": sample.height,
        "space": sample.space,
        "answer_width": sample.answer_width,
        "answer_height": sample.answer_height,
        "truth": sample.truth.as_list(),
        "text": sample.text,
        "box": sample.box.as_list() if sample.box else None,
        "failure": sample.failure,
        "iou": sample.iou,
    }


KEYS = (
    *("id", "group", "class", "width", "height", "space", "answer_width", "answer_height"),
    *("truth", "text", "box", "failure", "iou"),
)


def _sample(line: Any) -> Sample:
    if not isinstance(line, dict):
        raise ValueError("not a JSON object.")
    if set(line) != set(KEYS):
        missing, unknown = sorted(set(KEYS) - set(line)), sorted(set(line) - set(KEYS))
        raise ValueError(f"not a sample: missing {missing}, unknown {unknown}.")
    _check_texts(line)
    for key in ("width", "height", "answer_width", "answer_height"):
        if type(line[key]) is not int or line[key] < 1:
            raise ValueError(f"{key}={line[key]!r} must be a whole number of at least 1.")
    if (line["box"] is None) == (line["failure"] is None):
        raise ValueError("exactly one of box and failure must be null.")
    if not _is_number(line["iou"]) or not 0 <= line["iou"] <= 1:
        raise ValueError(f"iou={line['iou']!r} must lie in [0, 1].")
    fields = {key: value for key, value in line.items() if key != "class"}
    fields["truth"] = _box("truth", line["truth"])
    fields["box"] = None if line["box"] is None else _box("box", line["box"])
    return Sample(label=line["class"], **fields)


def _check_texts(line: dict[str, Any]) -> None:
    for key in ("id", "group", "class", "text"):
        if not isinstance(line[key], str):
            raise ValueError(f"{key}={line[key]!r} must be text.")
    if line["space"] not in SPACES:
        raise ValueError(f"space={line['space']!r} must be one of {', '.join(SPACES)}.")
    if not (line["failure"] is None or isinstance(line["failure"], str)):
        raise ValueError(f"failure={line['failure']!r} must be text or null.")


def _box(key: str, value: Any) -> Box:
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_number, value)):
        raise ValueError(f"{key}={value!r} must be four numbers [x0, y0, x1, y1].")
    return Box(*map(float, value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
