"""Figures 1 and 3 to 8, and those of our own tables, as files: a picture in two formats, and its numbers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from medloc.experiments.catalog import Experiment
from medloc.report.figure_charts import CHARTS, Chart
from medloc.report.figure_data import chart_csv, gallery_csv
from medloc.report.gallery import GALLERIES, Gallery
from medloc.report.missing import Missing, missing_runs
from medloc.report.overlays import draw_pictures
from medloc.report.rows import DATASETS
from medloc.report.run_data import NotHereError
from medloc.report.style import save
from medloc.report.table_list import OURS
from medloc.report.values import Values
from medloc.runs import write_text

FIGURES = (*sorted({*CHARTS, *GALLERIES} - {*OURS}), *OURS)
"""The paper's figures, then ours."""
DRAWING = ("curves.py", "figure_charts.py", "gallery.py", "overlays.py", "ranking.py", "style.py")
"""Files that decide what a figure of given numbers looks like."""

IMAGE_WIDTH = 3.4  # inches


@dataclass(frozen=True)
class Drawn:
    """A figure that was written, or could not be.

    Attributes:
        name: Of its files: "figure3".
        title: What it shows.
        shows: Whether what is so, in one sentence.
        reading: How to read it.
        svg: The picture's file; None where there is nothing to draw.
        lacking: What could not be shown and why, one line each.
        missing: The runs it still needs, with the commands that make them.
        gallery: What is behind a figure of images.
    """

    name: str
    title: str
    shows: str
    reading: str
    svg: Path | None
    lacking: tuple[str, ...]
    missing: tuple[Missing, ...]
    gallery: Gallery | None = None


def write_figures(values: Values, folder: Path, suffix: str = "", names: Sequence[str] = FIGURES) -> list[Drawn]:
    """Write `folder`/NAME`suffix`.png, .svg and .csv of every figure that has a run, and remove those without.

    A picture that already shows the same numbers is left as it is.
    """
    known = [name for name in names if name in values.experiments]
    return [_write(values.experiments[name], values, folder / f"{name}{suffix}") for name in known]


def remove_figures_beyond(groups: int, folder: Path) -> None:
    """Remove the figures of a group that there is no more: NAME-3 where there are two groups."""
    for name in FIGURES:
        for path in folder.glob(f"{name}-*.csv"):
            number = path.stem.removeprefix(f"{name}-")
            if number.isdecimal() and int(number) > groups:
                _remove(path)


def _write(experiment: Experiment, values: Values, path: Path) -> Drawn:
    title = f"{experiment.title}\n{values.group.heading}"
    gallery: Gallery | None = None
    lacking: tuple[str, ...] = ()
    if experiment.name in CHARTS:
        chart = CHARTS[experiment.name](experiment, values)
        reading, svg = chart.reading, _write_chart(chart, title, path)
    else:
        gallery = GALLERIES[experiment.name](experiment, values)
        reading, (svg, lacking) = gallery.reading, _write_gallery(gallery, values.results, title, path)
    missing = tuple(missing_runs(values, experiment.name, experiment.rows))
    return Drawn(path.name, experiment.title, experiment.shows, reading, svg, lacking, missing, gallery)


def _write_chart(chart: Chart, title: str, path: Path) -> Path | None:
    numbers = chart_csv(chart)
    written = "\n".join(name for row in chart.rows for panel in row for name in panel.names.values())
    if chart.is_empty:
        _remove(path)
        return None
    if _is_current(path, title, numbers, written):
        return path.with_suffix(".svg")
    return _save(chart.draw(chart.rows, title, chart.size), path, title, numbers, written)


def _write_gallery(gallery: Gallery, results: Path, title: str, path: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Write the images that lie on this machine, and say which do not."""
    lacking = gallery.lacking
    if gallery.strips and _is_current(path, title, gallery_csv(gallery)):
        return path.with_suffix(".svg"), lacking
    strips, rows = [], []
    for strip in gallery.strips:
        try:
            rows.append(strip.pictures(results))
            strips.append(strip)
        except NotHereError as reason:
            lacking = (*lacking, f"{DATASETS[strip.dataset]}: {reason}.")
    if not rows:
        _remove(path)
        return None, lacking
    shown = replace(gallery, strips=tuple(strips))
    return _save(draw_pictures(rows, title, IMAGE_WIDTH), path, title, gallery_csv(shown)), lacking


def _save(figure: Figure, path: Path, title: str, numbers: str, written: str = "") -> Path:
    save(figure, path, _digest(title, numbers, written))
    write_text(path.with_suffix(".csv"), numbers)
    return path.with_suffix(".svg")


def _remove(path: Path) -> None:
    """Remove a figure of runs that are no longer there."""
    for kind in (".png", ".svg", ".csv"):
        path.with_suffix(kind).unlink(missing_ok=True)


def _is_current(path: Path, title: str, numbers: str, written: str = "") -> bool:
    """Tell whether the files already show these numbers, under these names, as this version draws them."""
    files = [path.with_suffix(kind) for kind in (".png", ".csv", ".svg")]
    return all(file.exists() for file in files) and _digest(title, numbers, written) in files[-1].read_text(
        encoding="utf-8"
    )


def _digest(title: str, numbers: str, written: str) -> str:
    """Return 16 hexadecimal digits that stand for everything a picture depends on."""
    content = "\0".join((title, numbers, written, _drawing()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@cache
def _drawing() -> str:
    sources = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in DRAWING)
    return "\0".join((matplotlib.__version__, *sources))
