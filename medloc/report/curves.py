"""Numbers over an axis as panels side by side: lines with a band or bars for the interval over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medloc.report import style
from medloc.report.stats import t_interval
from medloc.report.style import Look

MARKED = 30  # a mean over more places than these is drawn without markers
DODGE = 0.012  # of the axis, between the bars of two lines at one place

Kind = Literal["band", "bars", "seeds"]
"""How seeds are drawn: their mean with a band, their mean with bars, or every seed as a step function of its own."""


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


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: Line above it; "" for none.
        xlabel: Name and unit of the horizontal axis; "" where the panel below has it.
        ylabel: Name and unit of the vertical axis; "" where the panel to the left has it.
        lines: What is drawn.
        limits: Lowest and highest value shown; None: as far as the row's data go, but never past `within`.
        within: The values that are possible; an interval may reach beyond, its drawing does not.
        names: Place on the axis -> what is written there, for an axis of names.
        empty: What is said where there is no line.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: tuple[Line, ...]
    limits: tuple[float, float] | None = None
    within: tuple[float, float] = (-math.inf, math.inf)
    names: Mapping[float, str] = field(default_factory=dict)
    empty: str = "no run yet"


class Point(NamedTuple):
    """Mean over `n` seeds at one place, and its 95 % t-interval; None where N = 1."""

    x: float
    mean: float
    low: float | None
    high: float | None
    n: int


def over_seeds(line: Line) -> list[Point]:
    """Return the means along the axis.

    A band has one only where every seed of the line has a value: a curve must not jump with the seeds that come and go.
    """
    points = []
    for x in sorted({x for values in line.seeds.values() for x in values}):
        values = [found for found in (seed.get(x) for seed in line.seeds.values()) if found is not None]
        if values and (line.kind != "band" or len(values) == len(line.seeds)):
            points.append(_point(x, values))
    return points


def _point(x: float, values: Sequence[float]) -> Point:
    low, high = t_interval(values) or (None, None)
    return Point(x, math.fsum(values) / len(values), low, high, len(values))


def draw_panels(rows: Sequence[Sequence[Panel]], title: str, size: tuple[float, float]) -> Figure:
    """Draw a grid of panels below one title, with one legend for all.

    Args:
        rows: The panels, row by row; every row has as many.
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
            _draw(axes, panel)
        for axes, panel in pairs:  # axes of a row share their limits, so these come when all is drawn
            low, high = panel.limits or axes.get_ylim()
            axes.set_ylim(max(low, panel.within[0]), min(high, panel.within[1]))
        figure.suptitle(title, fontsize=11, fontweight="bold", color=style.INK)
        if legend:
            figure.legend(handles=legend, loc="outside lower center", ncols=min(3, len(legend)))
        return figure


def _legend(rows: Sequence[Sequence[Panel]]) -> list[Line2D]:
    """Name every line once, with the number of its seeds."""
    counts: dict[tuple[str, Look, Kind], set[int]] = {}
    for line in (line for row in rows for panel in row for line in panel.lines):
        found = {len(line.seeds)} if line.kind == "seeds" else {point.n for point in over_seeds(line)}
        counts.setdefault((line.name, line.look, line.kind), set()).update(found)
    return [_handle(name, look, kind, found) for (name, look, kind), found in counts.items()]


def _handle(name: str, look: Look, kind: Kind, counts: set[int]) -> Line2D:
    number = " to ".join(map(str, sorted({min(counts), max(counts)}))) if counts else "no mean"
    marker = "" if kind == "seeds" else look.marker
    return Line2D(
        *([], []),
        color=look.color,
        linestyle=look.dash,
        marker=marker,
        markersize=5,
        linewidth=2,
        label=f"{name} (N = {number})",
    )


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.xlabel)
    axes.set_ylabel(panel.ylabel)
    if not panel.lines:
        axes.text(0.5, 0.5, panel.empty, transform=axes.transAxes, ha="center", va="center", color=style.QUIET)
    for place, line in enumerate(panel.lines):
        if line.kind == "seeds":
            _each(axes, line)
        elif line.kind == "band":
            _band(axes, line)
        else:
            _bars(axes, line, (place - (len(panel.lines) - 1) / 2) * DODGE)
    if panel.names:
        axes.set_xticks(list(panel.names), list(panel.names.values()))
        axes.set_xlim(min(panel.names) - 0.5, max(panel.names) + 0.5)


def _band(axes: Axes, line: Line) -> None:
    """Draw the mean and its band, broken where a seed has no value."""
    found = {point.x: point for point in over_seeds(line)}
    places = sorted({x for values in line.seeds.values() for x in values})
    means = [found[x].mean if x in found else math.nan for x in places]
    if any(point.low is not None for point in found.values()):
        lows, highs = ([_number(getattr(found.get(x), end, None)) for x in places] for end in ("low", "high"))
        axes.fill_between(places, lows, highs, color=line.look.color, alpha=0.16, linewidth=0)
    marker = line.look.marker if len(places) <= MARKED else ""
    color, dash = line.look.color, line.look.dash
    axes.plot(places, means, color=color, linestyle=dash, linewidth=1.8, marker=marker, markersize=4)


def _bars(axes: Axes, line: Line, dodge: float) -> None:
    """Draw the means with bars, moved sideways by a share of the axis so that bars of other lines stay visible."""
    points = over_seeds(line)
    reach = [0.0 if point.high is None else point.high - point.mean for point in points]
    width = max(point.x for point in points) - min(point.x for point in points)
    axes.errorbar(
        [point.x + dodge * width for point in points],
        [point.mean for point in points],
        yerr=reach if any(reach) else None,
        color=line.look.color,
        linestyle=line.look.dash,
        marker=line.look.marker,
        markersize=5,
        linewidth=1.6,
        elinewidth=1.1,
        capsize=3,
    )


def _each(axes: Axes, line: Line) -> None:
    for values in line.seeds.values():
        places = sorted(values)
        numbers = [_number(values[x]) for x in places]
        axes.step(places, numbers, where="post", color=line.look.color, linestyle=line.look.dash, linewidth=1.1)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
