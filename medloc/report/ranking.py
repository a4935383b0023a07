"""Rows beside each other as dots with the interval over seeds: which is above which, and how surely."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medloc.report import style
from medloc.report.curves import Line, Panel, over_seeds

ROW = 0.34  # height of a row of a panel in inches
FRAME = 1.0  # height of what stands above and below the panels
EDGE = 0.03  # of the axis, beside the lowest and highest possible value


def draw_rankings(rows: Sequence[Sequence[Panel]], title: str, size: tuple[float, float]) -> Figure:
    """Draw a grid of panels below one title, each turned on its side: values to the right, one row for each line.

    Args:
        rows: The panels, row by row. A line stands at its place, counted from the top, and `names` says what is
            written beside each place; a place without a line has no run.
        title: What is shown, and on which data and models.
        size: Width and least height of one panel in inches.
    """
    with rc_context(style.AXES):
        heights = [max(size[1], ROW * len(row[0].names)) for row in rows]
        columns = len(rows[0])
        total = (columns * size[0], sum(heights) + FRAME)
        figure = Figure(figsize=total, layout="constrained")
        grid = figure.subplots(len(rows), columns, squeeze=False, sharey=True, height_ratios=heights)
        for axes, panel in zip(grid.ravel(), (panel for row in rows for panel in row), strict=True):
            _draw(axes, panel)
        figure.suptitle(title, fontsize=11, fontweight="bold", color=style.INK)
        return figure


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.ylabel)
    axes.set_yticks(list(panel.names), list(panel.names.values()))
    axes.set_ylim(max(panel.names) + 0.6, min(panel.names) - 0.6)
    axes.grid(axis="y", visible=False)
    for line in panel.lines:
        _row(axes, line)
    low, high = axes.get_xlim()
    room = EDGE * (high - low)  # so that a mark at the end of what is possible is seen whole
    axes.set_xlim(max(low, panel.within[0] - room), min(high, panel.within[1] + room))


def _row(axes: Axes, line: Line) -> None:
    """Draw every seed as a faint dot, and over them the mean with its interval."""
    for point in over_seeds(line):
        seeds = [value for found in line.seeds.values() if (value := found.get(point.x)) is not None]
        axes.plot(seeds, [point.x] * len(seeds), "o", color=line.look.color, alpha=0.3, markersize=3, linewidth=0)
        reach = None if point.high is None else point.high - point.mean
        axes.errorbar(
            *(point.mean, point.x),
            xerr=reach,
            color=line.look.color,
            marker=line.look.marker,
            markersize=6,
            elinewidth=1.6,
            capsize=3,
        )
