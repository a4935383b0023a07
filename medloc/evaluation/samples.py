"""samples.jsonl: one line per test image, with everything needed to score it again without a GPU.

Answers become samples here, whatever system gave them. Needs no torch.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medloc.boxes import SPACES, AnswerGrid, Box
from medloc.rewards.base import Answer, judge
from medloc.runs import atomic_writer, bounded_lines, parsed

if TYPE_CHECKING:  # medloc.data loads much that scoring a file does not need
    from medloc.data.example import Example


@dataclass(frozen=True, slots=True)
class Sample:
    """One test image and the model's greedy answer to it.

    Attributes:
        id: Name of the image within its data set.
        group: Lesion or patient, for statistics that must not count one of them twice.
        label: Class name ("" where unknown); the key `class` in the file.
        width: Width of the original image, in pixels.
        height: Its height.
        space: Coordinate space of the answer, one of `medloc.boxes.SPACES`.
        answer_width: Width of the answer's grid.
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


def judge_answer(example: "Example", text: str, grid: AnswerGrid) -> Answer:
    """Read the box from an answer on `grid` and measure it against the true box."""
    return judge(text, example.box, lambda box: grid.to_original(box, example.width, example.height))


def sample_of(example: "Example", text: str, grid: AnswerGrid) -> Sample:
    """Return the sample of an example that was answered with `text` on `grid`."""
    answer = judge_answer(example, text, grid)
    box, failure = (answer.box, None) if isinstance(answer.box, Box) else (None, answer.box.reason)
    image = (example.id, example.group, example.label, example.width, example.height)
    return Sample(*image, grid.space, grid.width, grid.height, example.box, text, box, failure, answer.iou)


def pixel_sample(example: "Example", box: Box) -> Sample:
    """Return the sample of an example answered with `box`, in pixels of its image, written to two decimals."""
    text = "[" + ", ".join(f"{value:.2f}" for value in box.as_list()) + "]"
    return sample_of(example, text, AnswerGrid("pixels", example.width, example.height))


def ceiling_ious(grid: Callable[[int, int], AnswerGrid], examples: Sequence["Example"]) -> Iterator[float]:
    """Yield the IoU of the true box as each example's grid can write it: the ceiling of every metric.

    `grid` maps an image's (width, height) in px to its grid.
    """
    for example in examples:
        own = grid(example.width, example.height)
        yield judge_answer(example, own.text(example.box, example.width, example.height), own).iou


def pixel_ceiling_ious(examples: Sequence["Example"]) -> Iterator[float]:
    """Yield the IoU of the true box as `pixel_sample` writes it, for each example."""
    for example in examples:
        yield pixel_sample(example, example.box).iou


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples in the given order, one JSON object a line, the whole file or nothing."""
    with atomic_writer(path) as file:
        for sample in samples:
            file.write(json.dumps(_as_json(sample), allow_nan=False) + "\n")


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
                yield _from_json(parsed(line))
            except (ValueError, OverflowError) as error:
                raise ValueError(f"{path} line {number}: {error}") from None


KEYS = tuple("class" if each.name == "label" else each.name for each in fields(Sample))
"""Names in the file, in its order."""


def _as_json(sample: Sample) -> dict[str, Any]:
    values = [getattr(sample, "label" if key == "class" else key) for key in KEYS]
    return {key: value.as_list() if isinstance(value, Box) else value for key, value in zip(KEYS, values, strict=True)}


def _from_json(line: Any) -> Sample:
    # By hand: libraries that validate JSON reject lone surrogates, which a tokenizer can decode into an answer.
    if not isinstance(line, dict):
        raise ValueError("not a JSON object.")
    if set(line) != set(KEYS):
        missing, unknown = sorted(set(KEYS) - set(line)), sorted(set(line) - set(KEYS))
        raise ValueError(f"not a sample: missing {missing}, unknown {unknown}.")
    for key in ("id", "group", "class", "text"):
        if not isinstance(line[key], str):
            raise ValueError(f"{key}={line[key]!r} must be text.")
    if line["space"] not in SPACES:
        raise ValueError(f"space={line['space']!r} must be one of {', '.join(SPACES)}.")
    if not (line["failure"] is None or isinstance(line["failure"], str)):
        raise ValueError(f"failure={line['failure']!r} must be text or null.")
    for key in ("width", "height", "answer_width", "answer_height"):
        if type(line[key]) is not int or line[key] < 1:
            raise ValueError(f"{key}={line[key]!r} must be a whole number of at least 1.")
    if (line["box"] is None) == (line["failure"] is None):
        raise ValueError("exactly one of box and failure must be null.")
    if not _is_number(line["iou"]) or not 0 <= line["iou"] <= 1:
        raise ValueError(f"iou={line['iou']!r} must lie in [0, 1].")
    values = {**line, "truth": _box("truth", line["truth"])}
    values["box"] = None if line["box"] is None else _box("box", line["box"])
    return Sample(*(values[key] for key in KEYS))


def _box(key: str, value: Any) -> Box:
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_number, value)):
        raise ValueError(f"{key}={value!r} must be four numbers [x0, y0, x1, y1].")
    return Box(*map(float, value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
