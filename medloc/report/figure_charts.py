"""What Figures 1, 3, 5, 6 and 7 and ours show: which numbers of which rows, in which panels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure

from medloc.experiments.catalog import Experiment
from medloc.report.curves import Panel, draw_panels
from medloc.report.figure1 import SMOOTHING
from medloc.report.figure_lines import curve_lines, grid_lines, number_of, row_lines, series_lines, stem
from medloc.report.ranking import draw_rankings
from medloc.report.rows import DATASETS
from medloc.report.style import THRESHOLD, Look
from medloc.report.table_list import OURS
from medloc.report.values import Values

SHARE = (0.0, 1.02)
PERCENT = (0.0, 100.0)
STEPS = "optimizer step"
ACCURACY = "A@0.5 (%)"
TAU = Look(THRESHOLD, (0, (4, 1.5)), "")
INTERVAL = "Lines are means over seeds, shades and bars their 95 % t-intervals; one seed has none."


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
        """Tell whether there is nothing to draw."""
        return not any(panel.lines for row in self.rows for panel in row)


def figure1(experiment: Experiment, values: Values) -> Chart:
    """Mean reward of a step and the threshold, above the share of groups that teach nothing."""
    above, below = [], []
    for dataset in datasets_of(experiment):
        rewards = series_lines(experiment, values, dataset, "reward", smooth=True)
        dead = series_lines(experiment, values, dataset, "dead", smooth=True)
        scheduled = replace(experiment, rows=tuple(row for row in experiment.rows if "schedule" in row.set))
        taus = series_lines(scheduled, values, dataset, "tau_used", kind="seeds")
        taus = tuple(replace(line, name=f"τ of {line.name}, every seed", look=TAU) for line in taus)
        above.append(Panel(DATASETS[dataset], "", "mean reward, τ (IoU)", (*rewards, *taus), SHARE))
        below.append(Panel("", STEPS, "dead groups (share)", dead, SHARE))
    return Chart(
        (_one_name(above), _one_name(below)),
        (3.6, 2.3),
        f"Above, the mean reward of each step, each method's own, as a running mean of {SMOOTHING} steps, and the "
        "threshold τ: rewards at different thresholds do not compare in height. Below, the groups whose completions "
        f"all earn the same, so that they teach nothing, as the same running mean. {INTERVAL}",
    )


def figure3(experiment: Experiment, values: Values) -> Chart:
    """Evaluation curves: A@0.5 over the optimizer steps, one panel per data set."""
    panels = [
        Panel(DATASETS[dataset], STEPS, ACCURACY, curve_lines(experiment, values, dataset), PERCENT)
        for dataset in datasets_of(experiment)
    ]
    reading = f"Greedy answers to the first test images; step 0 lies before any training. {INTERVAL}"
    return Chart((_one_name(panels),), (3.6, 3.0), reading)


STATISTICS = {
    "tau_used": "threshold τ (IoU)",
    "mean_reward": "mean reward (Eq. 6)",
    "reward_std": "reward std (Eq. 7)",
    "iou_margin": "IoU margin (Eq. 8)",
}
"""Series of a trace -> what the axis of Figure 5 calls it."""


def figure5(experiment: Experiment, values: Values) -> Chart:
    """The threshold and the three statistics of the window that move it, one column per data set."""
    rows: list[tuple[Panel, ...]] = []
    for key, name in STATISTICS.items():
        last = key == list(STATISTICS)[-1]
        panels = []
        for dataset in datasets_of(experiment):
            lines = series_lines(experiment, values, dataset, key, "seeds")
            panels.append(Panel("" if rows else DATASETS[dataset], STEPS if last else "", name, lines))
        rows.append(_one_name(panels))
    return Chart(
        tuple(rows),
        (3.6, 1.7),
        "The threshold and the statistics of the window at that threshold. Every line is one seed, broken while its "
        "window is not full: seeds raise at different steps, so that their mean would show no course of any of them.",
    )


def figure6(experiment: Experiment, values: Values) -> Chart:
    """A@0.5 against the first step size, one line per schedule."""
    axis = "first step size δ₀ (IoU)"
    names = _numbers(experiment)
    panels = [
        Panel(DATASETS[dataset], axis, ACCURACY, grid_lines(experiment, values, dataset), None, PERCENT, names)
        for dataset in datasets_of(experiment)
    ]
    return Chart((_one_name(panels),), (5.6, 3.2), f"The paper's text does not give the values of δ₀. {INTERVAL}")


def figure7(experiment: Experiment, values: Values) -> Chart:
    """A@0.5 against the window's size, and for every way to refresh it after a raise."""
    sizes = replace(experiment, rows=tuple(row for row in experiment.rows if number_of(row) is not None))
    ways = replace(experiment, rows=tuple(row for row in experiment.rows if number_of(row) is None))
    names = {float(place): row.name.removeprefix(f"{stem(row)} ") for place, row in enumerate(ways.rows)}
    rows = []
    for dataset in datasets_of(experiment):
        left, right = (grid_lines(part, values, dataset) for part in (sizes, ways))
        left = tuple(replace(line, name="window size") for line in left)
        right = tuple(replace(line, name="refresh", look=line.look._replace(dash="")) for line in right)
        panels = [
            Panel(DATASETS[dataset], "window size N (steps)", ACCURACY, left, None, PERCENT, _numbers(sizes)),
            Panel(DATASETS[dataset], "dropped from the window after a raise", "", right, None, PERCENT, names),
        ]
        rows.append(tuple(panels))
    return Chart(tuple(rows), (4.2, 3.0), f"The paper's text does not give the sizes. {INTERVAL}")


RANKED = {"a50": ACCURACY, "a80": "A@0.8 (%)"}
"""Metrics of a ranking -> what its axis calls them."""


def ranking(experiment: Experiment, values: Values) -> Chart:
    """A@0.5 and A@0.8 at the last step, one line of the panel for each row."""
    names = {float(place): _counted(row.name, values, experiment) for place, row in enumerate(experiment.rows)}
    rows: list[tuple[Panel, ...]] = []
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


def datasets_of(experiment: Experiment) -> list[str]:
    """Return the data sets of an experiment's rows, in the paper's order."""
    return [dataset for dataset in DATASETS if any(dataset in row.datasets for row in experiment.rows)]


def _numbers(experiment: Experiment) -> dict[float, str]:
    """Return the numbers of rows "NAME number", to be written on the axis whether they have run or not."""
    numbers = {number_of(row) for row in experiment.rows}
    return {number: f"{number:g}" for number in sorted(number for number in numbers if number is not None)}


def _counted(row: str, values: Values, experiment: Experiment) -> str:
    """Return the row's name and the number of its seeds: "VLM-R1 (3)", "VLM-R1 (3-10)" where data sets differ."""
    found = {len(values.seeds(experiment.name, row, dataset, "a50")) for dataset in datasets_of(experiment)}
    return f"{row} ({'-'.join(map(str, sorted({min(found), max(found)})))})"


def _one_name(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """Name the vertical axis at the first of panels that share it."""
    return (*panels[:1], *(replace(panel, ylabel="") for panel in panels[1:]))
