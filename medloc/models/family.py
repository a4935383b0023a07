"""What differs from one model family to the next: its classes, its image bounds, and the grid on which it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import (
    InternVLForConditionalGeneration,
    InternVLProcessor,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)
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


def thousand_grid(image_processor: Any, width: int, height: int, step: int = 1) -> AnswerGrid:
    """Returns the grid of InternVL and Qwen3-VL: thousandths of the image, whatever its size.

    Their processors stretch the whole image (over its tiles, or to multiples of 32 px) and pad nothing, so a thousandth
    of what is seen is one of the image.
    """
    return AnswerGrid("thousand", 1000, 1000, step)


def _bound_qwen(image_processor: Any, min_pixels: int | None, max_pixels: int | None) -> None:
    for edge, bound in (("shortest_edge", min_pixels), ("longest_edge", max_pixels)):
        if bound is not None:
            image_processor.size[edge] = bound


def _bound_internvl(image_processor: Any, min_pixels: int | None, max_pixels: int | None) -> None:
    """Bounds are areas in px; InternVL counts tiles, the thumbnail of a tiled image apart."""
    tile = image_processor.size["height"] * image_processor.size["width"]
    if max_pixels is not None:
        image_processor.max_patches = max(1, max_pixels // tile)
    if min_pixels is not None:
        image_processor.min_patches = min(max(1, -(-min_pixels // tile)), image_processor.max_patches)


@dataclass(frozen=True)
class Family:
    """A kind of vision-language model.

    Attributes:
        model: its class in transformers.
        processor: its processor's class.
        grid: takes the image processor, an image's width and height in px and the answer's step; returns the grid.
        bound: sets the smallest and largest area of the resized image, in px (None = as it is), on an image processor.
    """

    model: Any
    processor: Any
    grid: Callable[..., AnswerGrid]
    bound: Callable[[Any, int | None, int | None], None]


FAMILIES = {
    "qwen2_5_vl": Family(Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, qwen_grid, _bound_qwen),
    "qwen3_vl": Family(Qwen3VLForConditionalGeneration, Qwen3VLProcessor, thousand_grid, _bound_qwen),
    "internvl": Family(InternVLForConditionalGeneration, InternVLProcessor, thousand_grid, _bound_internvl),
}
