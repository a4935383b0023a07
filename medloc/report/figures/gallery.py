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
from medloc.experiments.catalog import Experiment
from medloc.report.figures import style
from medloc.report.frame import DATASETS
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


class Picture(NamedTuple):
    """One image with its boxes, in its pixels.

    Attributes:
        image: The image file.
        title: The text above it.
        boxes: Origin and box; None where there is no box.
    """

    image: Path
    title: str
    boxes: tuple[tuple[Mark, Box | None], ...]


class Shown(NamedTuple):
    """One image: why it is shown, and row -> the answer of its run, ours first."""

    why: str
    answers: dict[str, Sample]

    @property
    def sample(self) -> Sample:
        """Our answer, which also says the image's name and its true box in its pixels."""
        return next(iter(self.answers.values()))


@dataclass(frozen=True)
class Strip:
    """The images shown of one data set, and the records that were evaluated on them, ours first."""

    dataset: str
    records: tuple[Record, ...]
    shown: tuple[Shown, ...]

    @property
    def ids(self) -> list[str]:
        """The names of the images."""
        return [one.sample.id for one in self.shown]

    def pictures(self, results: Path) -> list[Picture]:
        """Return the pictures to draw: the images with their boxes and overlaps.

        Raises:
            NotHereError: The images do not lie on this machine.
        """
        files = run_images(self.records[0], results, self.ids)
        pictures = []
        for one in self.shown:
            overlaps = [f"IoU {answer.iou:.3f}" if answer.box else "no box" for answer in one.answers.values()]
            named = ", ".join(f"{word} {text}" for word, text in zip(("ours", "baseline"), overlaps, strict=False))
            styled = zip(one.answers.items(), ROW_STYLES, strict=False)
            boxes = ((Mark(row, *looks), answer.box) for (row, answer), looks in styled)
            title = f"{DATASETS[self.dataset]}: {one.why}\n{one.sample.id}\n{named}"
            pictures.append(Picture(files[one.sample.id], title, ((TRUE_BOX, one.sample.truth), *boxes)))
        return pictures


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
                start = (strip.dataset, one.sample.id, one.why)
                lines.append((*start, "truth", None, *one.sample.truth.as_list(), ""))
                for row, answer in one.answers.items():
                    corners = answer.box.as_list() if answer.box else [None] * 4
                    lines.append((*start, row, answer.iou, *corners, answer.text))
        return pd.DataFrame(lines, columns=COLUMNS)


RULES = {"figure4": DIFFERENCE_RULE, "figure8": FAILURE_RULE}
"""Figure 4 shows where ours gains and loses most over the baseline, Figure 8 failures of ours."""


def gallery(experiment: Experiment, values: Values) -> Gallery:
    """Return Figure 4 or 8: one strip per data set, with the first seed that every row of the experiment has."""
    strips, lacking = [], []
    for dataset in dict.fromkeys(dataset for row in experiment.rows for dataset in row.datasets):
        try:
            strips.append(_strip(experiment, values, dataset))
        except NotHereError as reason:
            lacking.append(f"{DATASETS[dataset]}: {reason}.")
    return Gallery(tuple(strips), RULES[experiment.name], tuple(lacking))


def _strip(experiment: Experiment, values: Values, dataset: str) -> Strip:
    rows = [row.name for row in experiment.rows]
    held = [values.records(experiment.name, row, dataset) for row in rows]
    common = set.intersection(*(set(each) for each in held))
    if not common:
        raise NotHereError("no run yet" if len(held) == 1 else "no seed that both rows have run")
    seed = min(common)
    ious = [values.images(experiment.name, row, dataset, seed) for row in rows]
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
    answers = (dict(zip(rows, given, strict=True)) for given in samples)
    return Strip(dataset, records, tuple(map(Shown, (choice.why for choice in choices), answers)))


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
    aspects: dict[Path, float] = {}
    for picture in pictures:
        with Image.open(picture.image) as image:  # reads its header alone
            aspects[picture.image] = min(image.height / image.width, 1.5)
    heights = [width * max(aspects[each.image] for each in row) + 0.15 + 0.16 * lines for row in rows]
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


def _lower_middle(order: Sequence[int]) -> int:
    return order[(len(order) - 1) // 2]


def _draw_picture(axes: Axes, picture: Picture) -> None:
    with Image.open(picture.image) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    # Boxes are half-open pixel edges, so the first pixel has to cover 0 to 1.
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="antialiased")
    for mark, box in picture.boxes:
        if box is not None:
            dark_edge = withStroke(linewidth=4, foreground="black", alpha=0.55)  # so that it is seen on any background
            corner = (box.x0, box.y0)
            outline = Rectangle(corner, box.width, box.height, fill=False, color=mark.color, linewidth=2)
            outline.set(linestyle=mark.dash, path_effects=[dark_edge])
            axes.add_patch(outline)
    axes.set_title(picture.title, fontsize=9, fontweight="normal", pad=3)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_anchor("N")  # the images of a row are aligned at their upper edges
