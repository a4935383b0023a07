"""One answer to one image, judged: whatever the system, its text is read by the one parser and kept as one sample."""

from collections.abc import Callable, Iterator, Sequence

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.evaluation.samples import Sample
from medloc.models.family import AnswerGrid
from medloc.rewards import Answer, judge

Grid = Callable[[int, int], AnswerGrid]
"""Maps the (width, height) of an image, in pixels, to the grid on which it is answered."""


def judged(example: Example, text: str, grid: AnswerGrid) -> Answer:
    """Reads the box from an answer on `grid` and measures it against the truth."""
    return judge(text, example.box, lambda box: grid.to_original(box, example.width, example.height))


def sample_of(example: Example, text: str, grid: AnswerGrid) -> Sample:
    """Returns the line of samples.jsonl for an answer on `grid`."""
    answer = judged(example, text, grid)
    return Sample(
        id=example.id,
        group=example.group,
        label=example.label,
        width=example.width,
        height=example.height,
        space=grid.space,
        answer_width=grid.width,
        answer_height=grid.height,
        truth=example.box,
        text=text,
        box=answer.box if isinstance(answer.box, Box) else None,
        failure=None if isinstance(answer.box, Box) else answer.box.reason,
        iou=answer.iou,
    )


def nearest_on(grid: Grid, examples: Sequence[Example]) -> Iterator[float]:
    """Yields the IoU of the best answer that each example's grid can express: the ceiling of every metric."""
    for example in examples:
        own = grid(example.width, example.height)
        yield judged(example, own.text(example.box, example.width, example.height), own).iou
