"""Colours and lines that all figures share: the colour-blind-safe palette of Okabe and Ito."""

from typing import Any

REWARD = "#D55E00"  # vermillion, the paper's red
THRESHOLD = "#009E73"  # bluish green, the paper's green
TRUTH = "#009E73"
PREDICTION = "#FF7F0E"
ALL_MISS = "#56606B"  # slate
ALL_HIT = "#56B4E9"  # sky blue
DPI = 150

AXES: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "font.size": 10,
    "legend.frameon": False,
}
