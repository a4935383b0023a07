"""Test images with the true and the predicted boxes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

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


class Mark(NamedTuple):
    """Whose box it is, by colour and by dashes."""

    name: str
    color: str
    dash: Any


TRUTH = Mark("true box", style.TRUTH, "-")
PREDICTED = Mark("predicted box", style.PREDICTION, (0, (4, 2)))


@dataclass(frozen=True)
class Picture:
    """One image with its boxes, in its pixels.

    Attributes:
        image: The image file.
        title: What is written above it.
        boxes: Whose box and where; None where there is none.
    """

    image: Path
    title: str
    boxes: tuple[tuple[Mark, Box | None], ...]


def draw_boxes(items: Sequence[Item], out_png: Path, title: str) -> None:
    """Draw a grid of images, each with the truth (solid) and the prediction (dashed) and their IoU above it.

    Args:
        items: The images, in the order they are drawn.
        out_png: Where the picture goes.
        title: Line above the grid; says what the run is.

    Raises:
        ValueError: There is no item to draw.
    """
    pictures = [
        Picture(image, f"IoU {iou:.2f}" if box else "no box in the answer", ((TRUTH, truth), (PREDICTED, box)))
        for image, truth, box, iou in items
    ]
    figure = draw_pictures([pictures[start : start + COLUMNS] for start in range(0, len(pictures), COLUMNS)], title)
    style.save_png(figure, out_png)


def draw_pictures(rows: Sequence[Sequence[Picture]], title: str, cell: float = CELL) -> Figure:
    """Draw rows of images below a title and above one legend; rows need not be of one length.

    Args:
        rows: The images, row by row.
        title: Says what they are.
        cell: Width of an image in inches.

    Raises:
        ValueError: There is no image to draw.
    """
    pictures = [picture for row in rows for picture in row]
    if not pictures:
        raise ValueError("no image to draw; give at least one.")
    columns = max(map(len, rows))
    lines = max(picture.title.count("\n") for picture in pictures) + 1
    heights = [cell * _tallest(row) + 0.15 + 0.16 * lines for row in rows]
    with rc_context(style.AXES):
        figure = Figure(figsize=(cell * max(columns, 2), sum(heights) + 0.8), layout="constrained")
        grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
        for axes, picture in _placed(grid, rows):
            axes.set_axis_off()
            if picture is not None:
                _draw(axes, picture)
        figure.suptitle(title, fontweight="bold", fontsize=11, wrap=True)
        marks = dict.fromkeys(mark for picture in pictures for mark, _ in picture.boxes)
        figure.legend(handles=[_handle(mark) for mark in marks], loc="outside lower center", ncols=len(marks))
        return figure


def _placed(grid: Any, rows: Sequence[Sequence[Picture]]) -> Iterator[tuple[Axes, Picture | None]]:
    for line, row in zip(grid, rows, strict=True):
        yield from zip_longest(line, row)


def _tallest(row: Sequence[Picture]) -> float:
    """Return the largest height of an image as a share of its width, from the headers alone."""
    shares = []
    for picture in row:
        with Image.open(picture.image) as image:
            shares.append(image.height / image.width)
    return min(max(shares), 1.5)


def _draw(axes: Axes, picture: Picture) -> None:
    with Image.open(picture.image) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    # Boxes are half-open pixel edges, so the first pixel has to cover 0 to 1.
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="antialiased")
    for mark, box in picture.boxes:
        if box is not None:
            axes.add_patch(_patch(box, mark))
    axes.set_title(picture.title, fontsize=9, fontweight="normal", pad=3)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_anchor("N")  # images of a row hang from one line, and their titles stand on it


def _patch(box: Box, mark: Mark) -> Rectangle:
    edge = [withStroke(linewidth=4, foreground="black", alpha=0.55)]  # a rim that holds on any background
    return Rectangle(
        (box.x0, box.y0),
        box.width,
        box.height,
        fill=False,
        color=mark.color,
        linewidth=2,
        linestyle=mark.dash,
        path_effects=edge,
    )


def _handle(mark: Mark) -> Line2D:
    return Line2D([], [], color=mark.color, linewidth=2, linestyle=mark.dash, label=mark.name)
