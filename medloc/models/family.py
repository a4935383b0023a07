"""What differs from one model family to the next: the grid on which it answers, and how an answer is written."""

from dataclasses import dataclass
from typing import Any

from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from medloc.boxes import Box, to_answer, to_original


@dataclass(frozen=True)
class AnswerGrid:
    """Coordinates in which one image is answered.

    Attributes:
        space: one of `medloc.boxes.SPACES`.
        width: width of the answer's frame: pixels of the original image, of the resized image, or 1000.
        height: its height.
        step: coordinates a base was taught are multiples of this (1 for published checkpoints).
    """

    space: str
    width: int
    height: int
    step: int = 1

    def text(self, box: Box, width: int, height: int) -> str:
        """Writes a box in pixels of the original `width` x `height` image as an answer: `[x0, y0, x1, y1]`."""
        answer = to_answer(box, width, height, self.width, self.height)
        return "[" + ", ".join(str(self.step * round(value / self.step)) for value in answer.as_list()) + "]"

    def to_original(self, box: Box, width: int, height: int) -> Box:
        """Maps an answered box to pixels of the original `width` x `height` image."""
        return to_original(box, width, height, self.width, self.height)


def qwen_grid(image_processor: Any, width: int, height: int, step: int = 1) -> AnswerGrid:
    """Returns Qwen2.5-VL's grid for an image: pixels of the image as its processor resizes it."""
    resized_height, resized_width = smart_resize(
        height,
        width,
        factor=image_processor.patch_size * image_processor.merge_size,
        min_pixels=image_processor.size["shortest_edge"],
        max_pixels=image_processor.size["longest_edge"],
    )
    return AnswerGrid("resized", resized_width, resized_height, step)
