"""Test images with the true and the predicted box."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image

from medloc.boxes import Box
from medloc.report import style

Item = tuple[Path, Box, Box | None, float]
"""An image, its true box and the predicted one (None: the answer held none) in its pixels, and their IoU."""

COLUMNS = 4
CELL = 2.6  # inches


def draw_boxes(items: Sequence[Item], out_png: Path, title: str) -> None:
    """Draw a grid of images, each with the truth (solid) and the prediction (dashed) and their IoU above it.

    Args:
        items: The images, in the order they are drawn.
        out_png: Where the picture goes.
        title: Line above the grid; says what the run is.

    Raises:
        ValueError: There is no item to draw.
    """
    if not items:
        raise ValueError("no image to draw; give at least one.")
    columns = min(COLUMNS, len(items))
    rows = math.ceil(len(items) / columns)
    with rc_context({"font.size": 10}):
        height = rows * (CELL * _tallest(items) + 0.3) + 0.8
        figure = Figure(figsize=(CELL * max(columns, 2), height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for one, item in zip(axes, items, strict=False):
            _draw_item(one, *item)
        for spare in axes[len(items) :]:
            spare.set_visible(False)
        figure.suptitle(title, fontweight="bold", fontsize=11, wrap=True)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=2, frameon=False)
        out_png.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out_png, dpi=style.DPI, metadata={"Software": None})


def _tallest(items: Sequence[Item]) -> float:
    """Return the largest height of an image as a share of its width, from the headers alone."""
    shares = []
    for path, *_ in items:
        with Image.open(path) as image:
            shares.append(image.height / image.width)
    return min(max(shares), 1.5)


def _draw_item(axes: Axes, path: Path, truth: Box, predicted: Box | None, iou: float) -> None:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    # Boxes are half-open pixel edges, so the first pixel has to cover 0 to 1.
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="antialiased")
    axes.add_patch(_patch(truth, style.TRUTH, "-"))
    if predicted is not None:
        axes.add_patch(_patch(predicted, style.PREDICTION, (0, (4, 2))))
    axes.set_title("no box in the answer" if predicted is None else f"IoU {iou:.2f}", fontsize=10, pad=3)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()


def _patch(box: Box, color: str, linestyle: str | tuple[int, tuple[int, int]]) -> Rectangle:
    edge = [withStroke(linewidth=4, foreground="black", alpha=0.55)]  # a rim that holds on any background
    return Rectangle(
        (box.x0, box.y0),
        box.width,
        box.height,
        fill=False,
        color=color,
        linewidth=2,
        linestyle=linestyle,
        path_effects=edge,
    )


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=style.TRUTH, linewidth=2, label="true box"),
        Line2D([], [], color=style.PREDICTION, linewidth=2, linestyle=(0, (4, 2)), label="predicted box"),
    ]
