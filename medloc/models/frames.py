"""What an image measures in each coordinate space that a vision-language model may be writing in."""

from typing import Any

from medloc.models.family import AnswerGrid, qwen_grid


def frames(image_processor: Any, grid: AnswerGrid, width: int, height: int) -> dict[str, tuple[float, float]]:
    """Returns space -> (width, height) of an image of `width` x `height` px.

    Args:
        image_processor: the model's; "resized" is among the spaces only where it resizes as Qwen2.5-VL's does.
        grid: the grid on which the model is said to answer this image; its own measures hold for its space.
        width: the image's width in px.
        height: its height in px.
    """
    known = {"pixels": (float(width), float(height)), "thousand": (1000.0, 1000.0), "unit": (1.0, 1.0)}
    if hasattr(image_processor, "merge_size") and "shortest_edge" in image_processor.size:
        resized = qwen_grid(image_processor, width, height)
        known["resized"] = (float(resized.width), float(resized.height))
    return known | {grid.space: (float(grid.width), float(grid.height))}
