"""Panels of numbers: curves over an axis, and rankings of rows, with the 95 % t-interval over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medloc.report.figures import style
from medloc.report.figures.style import Look
from medloc.report.stats import t_interval

MOST_MARKERS = 30
"""A mean at more places than these is drawn without markers."""
MARGIN = 0.08  # of the axis, beside its first and last name
DODGE = 0.012  # of the axis, between the bars of two lines at one place
ROW_HEIGHT = 0.34  # inches, of one row of a ranking
RANKING_FRAME = 1.0  # inches, above and below the panels of a ranking
EDGE = 0.03  # of the axis, beside the lowest and highest possible value of a ranking

Kind = Literal["band", "bars", "seeds"]
"""How seeds are drawn: their mean with a band, their mean with bars, or each seed as a step function."""


@dataclass(frozen=True)
class Line:
    """One row of a panel.

    Attributes:
        name: What the legend calls it.
        look: How it is drawn.
        seeds: Seed -> place on the axis -> value; None where the seed has no value there.
        kind: How its seeds are drawn.
    """

    name: str
    look: Look
    seeds: Mapping[int, Mapping[float, float | None]]
    kind: Kind = "band"

    @property
    def places(self) -> list[float]:
        """Places on the axis at which any seed has an entry, ascending."""
        return sorted({x for values in self.seeds.values() for x in values})

    @property
    def marker(self) -> str:
        """Marker of its means; "" where there are none, or too many."""
        return "" if self.kind == "seeds" or len(self.places) > MOST_MARKERS else self.look.marker


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: Line above it; "" for none.
        xlabel: Name and unit of the horizontal axis; "" where the panel below has it.
        ylabel: Name and unit of the vertical axis, written at the first panel of a row.
        lines: What is drawn.
        limits: Lowest and highest value shown; None: the range of the data, cut to `within`.
        within: The values that are possible; an interval may reach beyond, its drawing does not.
        names: Place on the axis -> its label; {} for an axis with its own numbers.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: tuple[Line, ...]
    limits: tuple[float, float] | None = None
    within: tuple[float, float] = (-math.inf, math.inf)
    names: Mapping[float, str] = field(default_factory=dict)


class Point(NamedTuple):
    """Mean over `n` seeds at one place, and its 95 % t-interval; None where N = 1."""

    x: float
    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return None if self.high is None else self.high - self.mean


def over_seeds(line: Line) -> list[Point]:
    """Return the means along the axis.

    A band has a mean only where every seed of the line has a value; otherwise the curve would jump where a seed ends.
    """
    points = []
    for x in line.places:
        values = [found for found in (seed.get(x) for seed in line.seeds.values()) if found is not None]
        if values and (line.kind != "band" or len(values) == len(line.seeds)):
            low, high = t_interval(values) or (None, None)
            points.append(Point(x, math.fsum(values) / len(values), low, high, len(values)))
    return points


def draw_panels(rows: Sequence[Sequence[Panel]], title: str, size: tuple[float, float]) -> Figure:
    """Draw a grid of panels below one title, with one legend for all.

    Args:
        rows: The panels, row by row; every row has the same number.
        title: What is shown, and on which data and models.
        size: Width and height of one panel in inches.
    """
    with rc_context(style.AXES):
        columns = len(rows[0])
        legend = _legend(rows)
        height = len(rows) * size[1] + 0.55 + 0.25 * math.ceil(len(legend) / 3)
        figure = Figure(figsize=(columns * size[0], height), layout="constrained")
        grid = figure.subplots(len(rows), columns, squeeze=False, sharex="col", sharey="row")
        pairs = list(zip(grid.ravel(), (panel for row in rows for panel in row), strict=True))
        for axes, panel in pairs:
            _draw_panel(axes, panel)
        for axes, row in zip(grid[:, 0], rows, strict=True):
            axes.set_ylabel(row[0].ylabel)
        for axes, panel in pairs:  # the axes of a row share their limits, so all are drawn first
            low, high = panel.limits or axes.get_ylim()
            axes.set_ylim(max(low, panel.within[0]), min(high, panel.within[1]))
        figure.suptitle(title, fontsize=11, fontweight="bold", color=style.INK)
        if legend:
            figure.legend(handles=legend, loc="outside lower center", ncols=min(3, len(legend)))
        return figure


def draw_rankings(rows: Sequence[Sequence[Panel]], title: str, size: tuple[float, float]) -> Figure:
    """Draw a grid of panels below one title; values run to the right, and each line of a panel has a row of its own.

    Args:
        rows: The panels, row by row. A line stands at its place, counted from the top. `names` labels each place; a
            place without a line has no run.
        title: What is shown, and on which data and models.
        size: Width and least height of one panel in inches.
    """
    with rc_context(style.AXES):
        heights = [max(size[1], ROW_HEIGHT * len(row[0].names)) for row in rows]
        columns = len(rows[0])
        figure = Figure(figsize=(columns * size[0], sum(heights) + RANKING_FRAME), layout="constrained")
        grid = figure.subplots(len(rows), columns, squeeze=False, sharey=True, height_ratios=heights)
        for axes, panel in zip(grid.ravel(), (panel for row in rows for panel in row), strict=True):
            _draw_ranking(axes, panel)
        figure.suptitle(title, fontsize=11, fontweight="bold", color=style.INK)
        return figure


def _legend(rows: Sequence[Sequence[Panel]]) -> list[Line2D]:
    """Name every line once, with the number of its seeds."""
    counts: dict[tuple[str, Look, str], set[int]] = {}
    for line in (line for row in rows for panel in row for line in panel.lines):
        found = {len(line.seeds)} if line.kind == "seeds" else {point.n for point in over_seeds(line)}
        counts.setdefault((line.name, line.look, line.marker), set()).update(found)
    handles = []
    for (name, look, marker), found in counts.items():
        number = " to ".join(map(str, sorted({min(found), max(found)}))) if found else "no mean"
        drawn: dict[str, Any] = {"color": look.color, "linestyle": look.dash, "linewidth": 2}
        handles.append(Line2D([], [], label=f"{name} (N = {number})", marker=marker, markersize=5, **drawn))
    return handles


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.xlabel)
    if not panel.lines:
        axes.text(0.5, 0.5, "no run yet", transform=axes.transAxes, ha="center", va="center", color=style.QUIET)
    for place, line in enumerate(panel.lines):
        if line.kind == "seeds":
            _draw_seeds(axes, line)
        elif line.kind == "band":
            _draw_band(axes, line)
        else:
            _draw_bars(axes, line, (place - (len(panel.lines) - 1) / 2) * DODGE)
    if panel.names:
        axes.set_xticks(list(panel.names), list(panel.names.values()))
        span = max(panel.names) - min(panel.names) or 1
        axes.set_xlim(min(panel.names) - MARGIN * span, max(panel.names) + MARGIN * span)


def _draw_band(axes: Axes, line: Line) -> None:
    """Draw the mean and its band, broken where a seed has no value."""
    found = {point.x: point for point in over_seeds(line)}
    places = line.places
    means = [found[x].mean if x in found else math.nan for x in places]
    if any(point.low is not None for point in found.values()):
        lows, highs = ([_or_nan(getattr(found.get(x), end, None)) for x in places] for end in ("low", "high"))
        axes.fill_between(places, lows, highs, color=line.look.color, alpha=0.16, linewidth=0)
    color, dash = line.look.color, line.look.dash
    axes.plot(places, means, color=color, linestyle=dash, linewidth=1.8, marker=line.marker, markersize=4)


def _draw_bars(axes: Axes, line: Line, dodge: float) -> None:
    """Draw the means with bars, moved sideways by a share of the axis so that bars of other lines stay visible."""
    points = over_seeds(line)
    half_widths = [point.half_width or 0.0 for point in points]
    width = max(point.x for point in points) - min(point.x for point in points)
    axes.errorbar(
        [point.x + dodge * width for point in points],
        [point.mean for point in points],
        yerr=half_widths if any(half_widths) else None,
        color=line.look.color,
        linestyle=line.look.dash,
        marker=line.marker,
        markersize=5,
        linewidth=1.6,
        elinewidth=1.1,
        capsize=3,
    )


def _draw_seeds(axes: Axes, line: Line) -> None:
    for values in line.seeds.values():
        places = sorted(values)
        numbers = [_or_nan(values[x]) for x in places]
        axes.step(places, numbers, where="post", color=line.look.color, linestyle=line.look.dash, linewidth=1.1)


def _draw_ranking(axes: Axes, panel: Panel) -> None:
    """Draw every seed as a faint dot, and over them the mean with its interval."""
    axes.set_title(panel.title)
    axes.set_xlabel(panel.ylabel)
    axes.set_yticks(list(panel.names), list(panel.names.values()))
    axes.set_ylim(max(panel.names) + 0.6, min(panel.names) - 0.6)
    axes.grid(axis="y", visible=False)
    for line in panel.lines:
        color = line.look.color
        mark: dict[str, Any] = {"marker": line.look.marker, "markersize": 6, "elinewidth": 1.6, "capsize": 3}
        for point in over_seeds(line):
            seeds = [value for found in line.seeds.values() if (value := found.get(point.x)) is not None]
            axes.plot(seeds, [point.x] * len(seeds), "o", color=color, alpha=0.3, markersize=3, linewidth=0)
            axes.errorbar(point.mean, point.x, xerr=point.half_width, color=color, **mark)
    low, high = axes.get_xlim()
    room = EDGE * (high - low)  # so that a marker at the end of the possible range is whole
    axes.set_xlim(max(low, panel.within[0] - room), min(high, panel.within[1] + room))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
