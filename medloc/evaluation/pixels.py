"""Boxes of a system that does not speak, written down in pixels, so that scoring reads them like any other answer."""

from collections.abc import Iterator, Sequence

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.evaluation.judged import sample_of
from medloc.evaluation.samples import Sample
from medloc.models.family import AnswerGrid


def pixel_sample(example: Example, box: Box) -> Sample:
    """Returns the sample of one example answered with `box`, in pixels of its image and written to a hundredth."""
    text = "[" + ", ".join(f"{value:.2f}" for value in box.as_list()) + "]"
    return sample_of(example, text, AnswerGrid("pixels", example.width, example.height))


def nearest_pixel_ious(examples: Sequence[Example]) -> Iterator[float]:
    """Yields the IoU of the true box as it would be written, for each example."""
    for example in examples:
        yield pixel_sample(example, example.box).iou
