"""Colours, lines and file formats of all figures. The palette of Okabe and Ito is safe for colour-blind readers."""

from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.figure import Figure

from medloc.runs.atomic import atomic_path

OURS = "#D55E00"  # vermillion, the paper's red
BASELINE = "#0072B2"  # blue, the paper's blue
REWARD = OURS
THRESHOLD = "#009E73"  # bluish green, the paper's green
TRUTH = "#009E73"
PREDICTION = "#FF7F0E"
ALL_MISS = "#56606B"  # slate
ALL_HIT = "#56B4E9"  # sky blue
DPI = 150

INK = "#1b1f25"
QUIET = "#5c6673"
GRID = "#dde2e8"
PAPER = "#ffffff"
"""INK, QUIET, GRID and PAPER stand in an SVG with these values; the page replaces them by its own colours."""

AXES: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "font.size": 10,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}


class Look(NamedTuple):
    """How one row is drawn in every figure: its colour, dashes and marker."""

    color: str
    dash: Any
    marker: str


LOOKS = (
    Look(OURS, "-", "o"),
    Look(BASELINE, (0, (5, 1.5)), "s"),
    Look("#CC79A7", (0, (1, 1)), "^"),
    Look(INK, (0, (4, 1, 1, 1)), "D"),
    Look("#E69F00", (0, (3, 1, 1, 1, 1, 1)), "v"),
    Look("#56B4E9", (0, (6, 1)), "P"),
    Look("#009E73", (0, (2, 2)), "X"),
    Look("#8F7700", "-", "<"),
)
"""Looks of the rows of a figure, in the order of the rows."""

PLACES = {"piecewise": 0, "linear": 1, "cosine": 2, "identical": 3, "vlm-r1-3b": 1, "v-triune-3b": 2, "matched": 3}
"""Last word of a row's name -> its place in `LOOKS`: a row has the same look in every figure."""


def look(name: str, place: int) -> Look:
    """Return the look of a row by its name, or else by its place in the figure, counted from 0."""
    return LOOKS[PLACES.get(name.split()[-1].lower(), place) % len(LOOKS)]


def save(figure: Figure, path: Path, digest: str) -> None:
    """Write `path`.png and `path`.svg, without a date: the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: The files, without their endings.
        digest: Of everything that the picture depends on; written into the SVG.
    """
    _fix_layout(figure)
    with rc_context({"svg.hashsalt": path.name, "svg.fonttype": "path"}):
        save_png(figure, path.with_suffix(".png"))
        metadata = {"Date": None, "Creator": None, "Description": digest}
        with atomic_path(path.with_suffix(".svg")) as temporary:
            figure.savefig(temporary, dpi=DPI, metadata=metadata)


def save_png(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all; without the drawing library's version, which would change its bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI, metadata={"Software": None})


def _fix_layout(figure: Figure) -> None:
    """Compute the layout once and round it: the solver's last digits depend on memory addresses."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(value, 5) for value in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(x, 5), round(y, 5)))
