"""Figures 1, 3, 5, 6, 7 and those of our own tables: which numbers of which rows, in which panels, and as a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from medloc.experiments.catalog import Experiment, Row
from medloc.report.figures.panels import Kind, Line, Panel, draw_panels, draw_rankings, over_seeds
from medloc.report.figures.run import SMOOTHING, running_mean
from medloc.report.figures.style import THRESHOLD, Look, look
from medloc.report.frame import DATASETS
from medloc.report.tables.listing import OURS
from medloc.report.values import Values
from medloc.runs import Record

SHARE = (0.0, 1.02)
PERCENT = (0.0, 100.0)
STEPS = "optimizer step"
ACCURACY = "A@0.5 (%)"
TAU = Look(THRESHOLD, (0, (4, 1.5)), "")
INTERVAL = "Lines are means over seeds, shades and bars their 95 % t-intervals; one seed has none."
COLUMNS = ("panel", "axis", "measure", "row", "seed", "x", "value", "low", "high", "n")

STATISTICS = {
    "tau_used": "threshold τ (IoU)",
    "mean_reward": "mean reward (Eq. 6)",
    "reward_std": "reward std (Eq. 7)",
    "iou_margin": "IoU margin (Eq. 8)",
}
"""Series of a trace -> name of its axis in Figure 5."""

RANKED = {"a50": ACCURACY, "a80": "A@0.8 (%)"}
"""Metrics of a ranking -> names of their axes."""

Points = Mapping[float, float | None]
"""Place on the axis -> value."""


@dataclass(frozen=True)
class Chart:
    """A figure of panels.

    Attributes:
        rows: Its panels, row by row.
        size: Width and height of one panel in inches.
        reading: How to read it.
        draw: Draws it.
    """

    rows: tuple[tuple[Panel, ...], ...]
    size: tuple[float, float]
    reading: str
    draw: Callable[[Sequence[Sequence[Panel]], str, tuple[float, float]], Figure] = draw_panels

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(panel.lines for row in self.rows for panel in row)

    def frame(self) -> pd.DataFrame:
        """Return every number that is drawn, in long form.

        `seed` is "mean" in the means over seeds, which have their interval and N.
        """
        lines: list[tuple[Any, ...]] = []
        for panels in self.rows:
            for column, panel in enumerate(panels):
                place = (self.rows[0][column].title, self.rows[-1][column].xlabel, panel.ylabel)
                for line in panel.lines:
                    start = (*place, line.name)
                    for seed, values in line.seeds.items():
                        lines += [(*start, str(seed), x, value, None, None, None) for x, value in values.items()]
                    if line.kind != "seeds":
                        lines += [(*start, "mean", *point) for point in over_seeds(line)]
        return pd.DataFrame(lines, columns=COLUMNS)


def figure1(experiment: Experiment, values: Values) -> Chart:
    """Show the mean reward of a step and the threshold, above the share of groups without an advantage.

    That share is the series `dead` of the trace, counted from the rewards themselves, whatever tau is compared with.
    """
    above, below = [], []
    scheduled = replace(experiment, rows=tuple(row for row in experiment.rows if "schedule" in row.set))
    for dataset in datasets_of(experiment):
        rewards = series_lines(experiment, values, dataset, "reward", smooth=True)
        dead = series_lines(experiment, values, dataset, "dead", smooth=True)
        taus = series_lines(scheduled, values, dataset, "tau_used", "seeds")
        taus = tuple(replace(line, name=f"τ of {line.name}, every seed", look=TAU) for line in taus)
        above.append(Panel(DATASETS[dataset], "", "mean reward, τ (IoU)", (*rewards, *taus), SHARE))
        below.append(Panel("", STEPS, "dead groups (share)", dead, SHARE))
    return Chart(
        (tuple(above), tuple(below)),
        (3.6, 2.3),
        f"Above, the mean reward of each step, each method's own, as a running mean of {SMOOTHING} steps, and the "
        "threshold τ: rewards at different thresholds do not compare in height. Below, the groups whose completions "
        f"all earn the same, so that they teach nothing, as the same running mean. {INTERVAL}",
    )


def figure3(experiment: Experiment, values: Values) -> Chart:
    """Show evaluation curves: A@0.5 over the optimizer steps, one panel per data set."""

    def curve(record: Record) -> Points:
        return {point["step"]: 100 * point["a50"] for point in record.metrics["curve"]}

    panels = (
        Panel(DATASETS[dataset], STEPS, ACCURACY, _lines(experiment, values, dataset, curve, "band"), PERCENT)
        for dataset in datasets_of(experiment)
    )
    reading = f"Greedy answers to the first test images; step 0 lies before any training. {INTERVAL}"
    return Chart((tuple(panels),), (3.6, 3.0), reading)


def figure5(experiment: Experiment, values: Values) -> Chart:
    """Show the threshold and the three statistics of the window that move it, one column per data set."""
    rows = [
        tuple(
            Panel(DATASETS[dataset], STEPS, name, series_lines(experiment, values, dataset, key, "seeds"))
            for dataset in datasets_of(experiment)
        )
        for key, name in STATISTICS.items()
    ]
    rows[1:] = [tuple(replace(panel, title="") for panel in row) for row in rows[1:]]
    rows[:-1] = [tuple(replace(panel, xlabel="") for panel in row) for row in rows[:-1]]
    return Chart(
        tuple(rows),
        (3.6, 1.7),
        "The threshold and the statistics of the window at that threshold. Every line is one seed, broken while its "
        "window is not full: seeds raise at different steps, so that their mean would show no course of any of them.",
    )


def figure6(experiment: Experiment, values: Values) -> Chart:
    """Show A@0.5 against the first step size, one line per schedule."""
    axis, names = "first step size δ₀ (IoU)", _numbers(experiment)
    panels = (
        Panel(DATASETS[dataset], axis, ACCURACY, grid_lines(experiment, values, dataset), None, PERCENT, names)
        for dataset in datasets_of(experiment)
    )
    return Chart((tuple(panels),), (5.6, 3.2), f"The paper's text does not give the values of δ₀. {INTERVAL}")


def figure7(experiment: Experiment, values: Values) -> Chart:
    """Show A@0.5 against the window's size, and for every way to refresh it after a raise."""
    sizes = replace(experiment, rows=tuple(row for row in experiment.rows if number_of(row) is not None))
    ways = replace(experiment, rows=tuple(row for row in experiment.rows if number_of(row) is None))
    names = {float(place): row.name.removeprefix(f"{stem(row)} ") for place, row in enumerate(ways.rows)}
    rows = []
    for dataset in datasets_of(experiment):
        left, right = (grid_lines(part, values, dataset) for part in (sizes, ways))
        left = tuple(replace(line, name="window size") for line in left)
        right = tuple(replace(line, name="refresh", look=line.look._replace(dash="")) for line in right)
        by_size, by_way = "window size N (steps)", "dropped from the window after a raise"
        panels = (
            Panel(DATASETS[dataset], by_size, ACCURACY, left, None, PERCENT, _numbers(sizes)),
            Panel(DATASETS[dataset], by_way, ACCURACY, right, None, PERCENT, names),
        )
        rows.append(panels)
    return Chart(tuple(rows), (4.2, 3.0), f"The paper's text does not give the sizes. {INTERVAL}")


def ranking(experiment: Experiment, values: Values) -> Chart:
    """Show A@0.5 and A@0.8 at the last step, one line of the panel for each row, with the number of its seeds.

    The number is a range where data sets differ: "VLM-R1 (3-10)".
    """
    names: dict[float, str] = {}
    rows: list[tuple[Panel, ...]] = []
    for place, row in enumerate(experiment.rows):
        seeds = {len(values.seeds(experiment.name, row.name, each, "a50")) for each in datasets_of(experiment)}
        names[float(place)] = f"{row.name} ({'-'.join(map(str, sorted({min(seeds), max(seeds)})))})"
    for metric, axis in RANKED.items():
        panels = []
        for dataset in datasets_of(experiment):
            lines = row_lines(experiment, values, dataset, metric)
            panels.append(Panel("" if rows else DATASETS[dataset], "", axis, lines, None, PERCENT, names))
        rows.append(tuple(panels))
    reading = "The mean over seeds (their number) with its 95 % t-interval; every seed is a faint dot."
    return Chart(tuple(rows), (3.4, 1.6), reading, draw_rankings)


CHARTS: dict[str, Callable[[Experiment, Values], Chart]] = {
    "figure1": figure1,
    "figure3": figure3,
    "figure5": figure5,
    "figure6": figure6,
    "figure7": figure7,
    **dict.fromkeys(OURS, ranking),
}


def series_lines(
    experiment: Experiment, values: Values, dataset: str, key: str, kind: Kind = "band", smooth: bool = False
) -> tuple[Line, ...]:
    """Return each row's series of that name over the optimizer steps, with `smooth` as a running mean."""

    def read(record: Record) -> Points:
        numbers = (values.series_of(record) or {}).get(key, [])
        if smooth:
            numbers = running_mean(np.array(numbers, dtype=float)).tolist()
        return dict(enumerate(numbers, start=1))

    return _lines(experiment, values, dataset, read, kind)


def grid_lines(experiment: Experiment, values: Values, dataset: str) -> tuple[Line, ...]:
    """Return A@0.5 in percent over the value in the name of rows "NAME value", one line per NAME.

    A value that is no number, as in "Refresh half", stands at its place in the order of the rows.
    """
    lines = []
    for place, name in enumerate(dict.fromkeys(map(stem, experiment.rows))):
        seeds: dict[int, dict[float, float | None]] = {}
        for index, row in enumerate(row for row in experiment.rows if stem(row) == name):
            number = number_of(row)
            for seed, value in values.seeds(experiment.name, row.name, dataset, "a50").items():
                seeds.setdefault(seed, {})[index if number is None else number] = 100 * value
        if seeds:
            lines.append(Line(name, look(name, place), seeds, "bars"))
    return tuple(lines)


def row_lines(experiment: Experiment, values: Values, dataset: str, metric: str) -> tuple[Line, ...]:
    """Return each row's metric in percent at the last step, every row at its own place, counted from 0."""
    lines = []
    for place, row in enumerate(experiment.rows):
        found = values.seeds(experiment.name, row.name, dataset, metric)
        if found:
            seeds = {seed: {float(place): 100 * value} for seed, value in found.items()}
            lines.append(Line(row.name, look(row.name, place), seeds, "bars"))
    return tuple(lines)


def _lines(
    experiment: Experiment, values: Values, dataset: str, read: Callable[[Record], Points], kind: Kind
) -> tuple[Line, ...]:
    """Return a line for every row with a value; every seed found counts, as in the tables."""
    lines = []
    for place, row in enumerate(experiment.rows):
        found = values.records(experiment.name, row.name, dataset)
        points = {seed: read(record) for seed, record in found.items()}
        seeds = {seed: each for seed, each in points.items() if any(value is not None for value in each.values())}
        if seeds:
            lines.append(Line(row.name, look(row.name, place), seeds, kind))
    return tuple(lines)


def stem(row: Row) -> str:
    """Return NAME of "NAME value"."""
    return row.name.rpartition(" ")[0]


def number_of(row: Row) -> float | None:
    """Return the number in "NAME number"; None where it is another word."""
    try:
        return float(row.name.rpartition(" ")[2])
    except ValueError:
        return None


def datasets_of(experiment: Experiment) -> list[str]:
    """Return the data sets of an experiment's rows, in the paper's order."""
    return [dataset for dataset in DATASETS if any(dataset in row.datasets for row in experiment.rows)]


def _numbers(experiment: Experiment) -> dict[float, str]:
    """Return the numbers of rows "NAME number", to be written on the axis whether they have run or not."""
    numbers = {number_of(row) for row in experiment.rows}
    return {number: f"{number:g}" for number in sorted(number for number in numbers if number is not None)}
