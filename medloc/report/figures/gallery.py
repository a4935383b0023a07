"""Figures 4 and 8, and the pictures of one run: test images, chosen by rule, with the true and the answered boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image

from medloc.boxes import Box
from medloc.evaluation.samples import Sample
from medloc.experiments.catalog import Experiment, Row
from medloc.report.figures import style
from medloc.report.groups import DATASETS
from medloc.report.runs import NotHereError, run_answers, run_images
from medloc.report.values import Values
from medloc.runs import Record

FAILED = 0.5
"""An answer below this IoU is a failure: it misses A@0.5."""

DIFFERENCE_RULE = (
    "All test images in the order of the difference of IoU, ours minus baseline, equal ones in test order: shown are "
    "the last, the (lower) middle and the first."
)
FAILURE_RULE = (
    f"All test images that ours answers below IoU {FAILED}, in the order of IoU, equal ones in test order: shown are "
    "the first, the (lower) middle and the last."
)

GRID_COLUMNS = 4
IMAGE_WIDTH = 2.6  # inches
COLUMNS = ("dataset", "id", "why", "row", "iou", "x0", "y0", "x1", "y1", "text")

Item = tuple[Path, Box, Box | None, float]
"""An image, its true box and the predicted one (None: the answer held none) in its pixels, and their IoU."""


class Choice(NamedTuple):
    """A test image and why it is shown."""

    why: str
    place: int  # in test order


class Mark(NamedTuple):
    """How the boxes of one origin are drawn: name in the legend, colour, dashes."""

    name: str
    color: str
    dash: Any


TRUE_BOX = Mark("true box", style.TRUTH, "-")
PREDICTED_BOX = Mark("predicted box", style.PREDICTION, (0, (4, 2)))
ROW_STYLES = ((style.OURS, (0, (4, 1.5))), (style.BASELINE, (0, (1.5, 1))))
"""Colour and dashes of the boxes of ours and of the baseline."""


@dataclass(frozen=True)
class Picture:
    """One image with its boxes, in its pixels.

    Attributes:
        image: The image file.
        title: The text above it.
        boxes: Origin and box; None where there is no box.
    """

    image: Path
    title: str
    boxes: tuple[tuple[Mark, Box | None], ...]


@dataclass(frozen=True)
class Answer:
    """The answer of one run to one image.

    Attributes:
        row: The run's row.
        text: The model's text, unchanged.
        box: The box in pixels of the image; None where the text holds none.
        iou: Its overlap with the truth, in [0, 1].
    """

    row: str
    text: str
    box: Box | None
    iou: float


@dataclass(frozen=True)
class Shown:
    """One image: why it is shown, its true box in its pixels, and the answers to it, ours first."""

    id: str
    why: str
    truth: Box
    answers: tuple[Answer, ...]

    def picture(self, dataset: str, image: Path) -> Picture:
        """Return the image with its boxes and their overlaps."""
        overlaps = [f"IoU {one.iou:.3f}" if one.box else "no box" for one in self.answers]
        named = ", ".join(f"{word} {text}" for word, text in zip(("ours", "baseline"), overlaps, strict=False))
        styled = zip(self.answers, ROW_STYLES, strict=False)
        boxes = ((Mark(one.row, color, dash), one.box) for one, (color, dash) in styled)
        return Picture(image, f"{DATASETS[dataset]}: {self.why}\n{self.id}\n{named}", ((TRUE_BOX, self.truth), *boxes))


@dataclass(frozen=True)
class Strip:
    """The images shown of one data set, and the records that were evaluated on them, ours first."""

    dataset: str
    records: tuple[Record, ...]
    shown: tuple[Shown, ...]

    @property
    def record(self) -> Record:
        """Our record."""
        return self.records[0]

    def pictures(self, results: Path) -> list[Picture]:
        """Return the pictures to draw.

        Raises:
            NotHereError: The images do not lie on this machine.
        """
        files = run_images(self.record, results, [one.id for one in self.shown])
        return [one.picture(self.dataset, files[one.id]) for one in self.shown]


@dataclass(frozen=True)
class Gallery:
    """A figure of images.

    Attributes:
        strips: The images, data set by data set.
        reading: How they were chosen.
        lacking: What could not be shown and why, one line each.
    """

    strips: tuple[Strip, ...]
    reading: str
    lacking: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Return the true box and each answered one in pixels, one line per box."""
        lines: list[tuple[Any, ...]] = []
        for strip in self.strips:
            for one in strip.shown:
                start = (strip.dataset, one.id, one.why)
                lines.append((*start, "truth", None, *one.truth.as_list(), ""))
                for answer in one.answers:
                    corners = answer.box.as_list() if answer.box else [None] * 4
                    lines.append((*start, answer.row, answer.iou, *corners, answer.text))
        return pd.DataFrame(lines, columns=COLUMNS)


def figure4(experiment: Experiment, values: Values) -> Gallery:
    """Show where ours gains most over the baseline, the median difference, and where ours loses most."""
    return _gallery(experiment, values, DIFFERENCE_RULE)


def figure8(experiment: Experiment, values: Values) -> Gallery:
    """Show failures of ours: the worst, the median and the mildest."""
    return _gallery(experiment, values, FAILURE_RULE)


GALLERIES = {"figure4": figure4, "figure8": figure8}


def extreme_differences(ours: Sequence[float], baseline: Sequence[float]) -> list[Choice]:
    """Choose by `DIFFERENCE_RULE`.

    Raises:
        ValueError: There is not one overlap of each per image, or no image at all.
    """
    if len(ours) != len(baseline) or not len(ours):
        raise ValueError(f"{len(ours)} and {len(baseline)} images cannot be compared.")
    order = sorted(range(len(ours)), key=lambda place: ours[place] - baseline[place])
    names = ("largest gain", "median difference", "largest loss")
    return [Choice(*pair) for pair in zip(names, (order[-1], _lower_middle(order), order[0]), strict=True)]


def failures(ours: Sequence[float]) -> list[Choice]:
    """Choose by `FAILURE_RULE`; fewer than three where fewer failed."""
    order = sorted((place for place, iou in enumerate(ours) if iou < FAILED), key=lambda place: ours[place])
    if len(order) < 3:
        return [Choice(f"failure {number} of {len(order)}", place) for number, place in enumerate(order, start=1)]
    names = ("worst failure", "median failure", "mildest failure")
    return [Choice(*pair) for pair in zip(names, (order[0], _lower_middle(order), order[-1]), strict=True)]


def draw_boxes(items: Sequence[Item], out_png: Path, title: str) -> None:
    """Draw a grid of images, each with the truth (solid) and the prediction (dashed) and their IoU above it.

    Args:
        items: The images, in the order of drawing.
        out_png: The file to write.
        title: The line above the grid; says which run it is.

    Raises:
        ValueError: There is no item to draw.
    """
    pictures = [
        Picture(image, f"IoU {iou:.2f}" if box else "no box in the answer", ((TRUE_BOX, truth), (PREDICTED_BOX, box)))
        for image, truth, box, iou in items
    ]
    rows = [pictures[start : start + GRID_COLUMNS] for start in range(0, len(pictures), GRID_COLUMNS)]
    style.save_png(draw_pictures(rows, title), out_png)


def draw_pictures(rows: Sequence[Sequence[Picture]], title: str, width: float = IMAGE_WIDTH) -> Figure:
    """Draw rows of images, which need not be of one length, below a title and above one legend.

    Args:
        rows: The images, row by row.
        title: Says what they are.
        width: Width of an image in inches.

    Raises:
        ValueError: There is no image to draw.
    """
    pictures = [picture for row in rows for picture in row]
    if not pictures:
        raise ValueError("no image to draw; give at least one.")
    columns = max(map(len, rows))
    lines = max(picture.title.count("\n") for picture in pictures) + 1
    heights = [width * _largest_aspect(row) + 0.15 + 0.16 * lines for row in rows]
    with rc_context(style.AXES):
        figure = Figure(figsize=(width * max(columns, 2), sum(heights) + 0.8), layout="constrained")
        grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
        for axes_row, row in zip(grid, rows, strict=True):
            for axes, picture in zip_longest(axes_row, row):
                axes.set_axis_off()
                if picture is not None:
                    _draw_picture(axes, picture)
        figure.suptitle(title, fontweight="bold", fontsize=11, wrap=True)
        marks = dict.fromkeys(mark for picture in pictures for mark, _ in picture.boxes)
        handles = [Line2D([], [], color=m.color, linewidth=2, linestyle=m.dash, label=m.name) for m in marks]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(marks))
        return figure


def _gallery(experiment: Experiment, values: Values, rule: str) -> Gallery:
    """Fill one strip per data set with the first seed that every row of the experiment has."""
    strips, lacking = [], []
    for dataset in dict.fromkeys(dataset for row in experiment.rows for dataset in row.datasets):
        try:
            strips.append(_strip(experiment, values, dataset))
        except NotHereError as reason:
            lacking.append(f"{DATASETS[dataset]}: {reason}.")
    return Gallery(tuple(strips), rule, tuple(lacking))


def _strip(experiment: Experiment, values: Values, dataset: str) -> Strip:
    held = [values.records(experiment.name, row.name, dataset) for row in experiment.rows]
    common = set.intersection(*map(set, held))
    if not common:
        raise NotHereError("no run yet" if len(held) == 1 else "no seed that both rows have run")
    seed = min(common)
    ious = [values.images(experiment.name, row.name, dataset, seed) for row in experiment.rows]
    found = [each for each in ious if each is not None]
    if len(found) < len(ious) or len({each.ids for each in found}) > 1:
        raise NotHereError("the overlaps on its images are not here, or are not those of the same images")
    overlaps = [each.ious.tolist() for each in found]
    choices = extreme_differences(*overlaps) if len(overlaps) == 2 else failures(overlaps[0])
    if not choices:
        raise NotHereError("no answer fails")
    names = [found[0].ids[choice.place] for choice in choices]
    records = tuple(each[seed] for each in held)
    samples = zip(*(run_answers(record, values.results, names) for record in records), strict=True)
    shown = (_shown(experiment.rows, choice, given) for choice, given in zip(choices, samples, strict=True))
    return Strip(dataset, records, tuple(shown))


def _shown(rows: Sequence[Row], choice: Choice, given: Sequence[Sample]) -> Shown:
    answers = (Answer(row.name, one.text, one.box, one.iou) for row, one in zip(rows, given, strict=True))
    return Shown(given[0].id, choice.why, given[0].truth, tuple(answers))


def _lower_middle(order: Sequence[int]) -> int:
    return order[(len(order) - 1) // 2]


def _largest_aspect(row: Sequence[Picture]) -> float:
    """Return the largest ratio of height to width of the images, read from their headers, at most 1.5."""
    ratios = []
    for picture in row:
        with Image.open(picture.image) as image:
            ratios.append(image.height / image.width)
    return min(max(ratios), 1.5)


def _draw_picture(axes: Axes, picture: Picture) -> None:
    with Image.open(picture.image) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    # Boxes are half-open pixel edges, so the first pixel has to cover 0 to 1.
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="antialiased")
    for mark, box in picture.boxes:
        if box is not None:
            axes.add_patch(_outline(box, mark))
    axes.set_title(picture.title, fontsize=9, fontweight="normal", pad=3)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_anchor("N")  # the images of a row are aligned at their upper edges


def _outline(box: Box, mark: Mark) -> Rectangle:
    dark_edge = withStroke(linewidth=4, foreground="black", alpha=0.55)  # so that it is seen on any background
    outline = Rectangle((box.x0, box.y0), box.width, box.height, fill=False, color=mark.color, linewidth=2)
    outline.set(linestyle=mark.dash, path_effects=[dark_edge])
    return outline
