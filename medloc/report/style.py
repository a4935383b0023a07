"""Colours, lines and file formats that all figures share: the colour-blind-safe palette of Okabe and Ito."""

from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.figure import Figure

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
"""INK, QUIET, GRID and PAPER are written in SVG as they stand here, so that a page can put its own in their place."""

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
    """How one row is drawn in every figure: told apart by colour, by dashes and by marker."""

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
"""Looks of a figure's rows in their order."""


def look(place: int) -> Look:
    """Return the look of the row at this place, counted from 0; after the last, the first comes again."""
    return LOOKS[place % len(LOOKS)]


def save(figure: Figure, path: Path) -> None:
    """Write `path`.png and `path`.svg: the same figure gives the same bytes, without a date in them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": path.name, "svg.fonttype": "path"}):
        figure.savefig(path.with_suffix(".png"), dpi=DPI, metadata={"Software": None})
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
