"""All figures as files: a picture as PNG and SVG, and its numbers as CSV."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from medloc.experiments.catalog import Experiment
from medloc.report.figures.charts import CHARTS, Chart
from medloc.report.figures.gallery import RULES, Gallery, draw_pictures, gallery
from medloc.report.figures.style import save
from medloc.report.frame import DATASETS
from medloc.report.runs import NotHereError
from medloc.report.tables.listing import OURS
from medloc.report.values import Missing, Values, missing_runs
from medloc.runs import write_text

FIGURES = (*sorted({*CHARTS, *RULES} - {*OURS}), *OURS)
"""The paper's figures, then ours."""

DRAWING = ("charts.py", "gallery.py", "panels.py", "style.py")
"""Source files that decide how given numbers are drawn. A figure is drawn again when one of them changes."""

IMAGE_WIDTH = 3.4  # inches


@dataclass(frozen=True)
class Drawn:
    """A figure that was written, or could not be.

    Attributes:
        name: Of its files: "figure3".
        title: Of its experiment.
        heading: What its numbers stand for.
        shows: The question it answers, in one sentence.
        reading: How to read it.
        svg: The picture's file; None where there is nothing to draw.
        lacking: What could not be shown and why, one line each.
        missing: The runs it still needs, with the commands that make them.
        gallery: The images and answers of a figure of images.
    """

    name: str
    title: str
    heading: str
    shows: str
    reading: str
    svg: Path | None
    lacking: tuple[str, ...]
    missing: tuple[Missing, ...]
    gallery: Gallery | None = None


def write_figures(values: Values, folder: Path, suffix: str = "", names: Sequence[str] = FIGURES) -> list[Drawn]:
    """Write `folder`/NAME`suffix`.png, .svg and .csv of every figure that has a run, and remove those without.

    A picture that already shows the same numbers is not drawn again.
    """
    known = [name for name in names if name in values.experiments]
    return [_write(values.experiments[name], values, folder / f"{name}{suffix}") for name in known]


def remove_figures_beyond(groups: int, folder: Path) -> None:
    """Remove the figures of groups that no longer exist: NAME-3 where there are two groups."""
    for name in FIGURES:
        for path in folder.glob(f"{name}-*.csv"):
            number = path.stem.removeprefix(f"{name}-")
            if number.isdecimal() and int(number) > groups:
                _remove(path)


def _write(experiment: Experiment, values: Values, path: Path) -> Drawn:
    title = f"{experiment.title}\n{values.group.heading}"
    images: Gallery | None = None
    lacking: tuple[str, ...] = ()
    if experiment.name in CHARTS:
        chart = CHARTS[experiment.name](experiment, values)
        reading, drawn = chart.reading, _write_chart(chart, title, path)
    else:
        images = gallery(experiment, values)
        reading, (drawn, lacking) = images.reading, _write_gallery(images, values.results, title, path)
    if not drawn:
        _remove(path)
    missing = tuple(missing_runs(values, experiment.name, experiment.rows))
    svg = path.with_suffix(".svg") if drawn else None
    words = (path.name, experiment.title, values.group.heading, experiment.shows, reading)
    return Drawn(*words, svg, lacking, missing, images)


def _write_chart(chart: Chart, title: str, path: Path) -> bool:
    """Write the figure and tell whether there is anything to draw."""
    if chart.is_empty:
        return False
    labels = "\n".join(name for row in chart.rows for panel in row for name in panel.names.values())
    numbers = _csv(chart.frame())
    digest = _digest(title, numbers, labels)
    if not _is_current(path, digest):
        _save(chart.draw(chart.rows, title, chart.size), path, digest, numbers)
    return True


def _write_gallery(images: Gallery, results: Path, title: str, path: Path) -> tuple[bool, tuple[str, ...]]:
    """Write the images that lie on this machine, and say which do not."""
    lacking = images.lacking
    if images.strips and _is_current(path, _digest(title, _csv(images.frame()))):
        return True, lacking
    strips, rows = [], []
    for strip in images.strips:
        try:
            rows.append(strip.pictures(results))
            strips.append(strip)
        except NotHereError as reason:
            lacking = (*lacking, f"{DATASETS[strip.dataset]}: {reason}.")
    if rows:
        numbers = _csv(replace(images, strips=tuple(strips)).frame())
        _save(draw_pictures(rows, title, IMAGE_WIDTH), path, _digest(title, numbers), numbers)
    return bool(rows), lacking


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _save(figure: Figure, path: Path, digest: str, numbers: str) -> None:
    save(figure, path, digest)
    write_text(path.with_suffix(".csv"), numbers)


def _remove(path: Path) -> None:
    """Remove a figure whose runs are no longer there."""
    for kind in (".png", ".svg", ".csv"):
        path.with_suffix(kind).unlink(missing_ok=True)


def _is_current(path: Path, digest: str) -> bool:
    """Tell whether all three files are there and the SVG bears this digest."""
    svg = path.with_suffix(".svg")
    files = (path.with_suffix(".png"), path.with_suffix(".csv"), svg)
    return all(file.exists() for file in files) and digest in svg.read_text(encoding="utf-8")


def _digest(title: str, numbers: str, labels: str = "") -> str:
    """Return 16 hexadecimal digits that stand for everything a picture depends on."""
    content = "\0".join((title, numbers, labels, _drawing_sources()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@cache
def _drawing_sources() -> str:
    sources = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in DRAWING)
    return "\0".join((matplotlib.__version__, *sources))
