"""Lines of the figures, read from the values of an experiment's rows."""

from collections.abc import Callable, Mapping

import numpy as np

from medloc.experiments.catalog import Experiment, Row
from medloc.report.curves import Kind, Line
from medloc.report.figure1 import running_mean
from medloc.report.style import look
from medloc.report.values import Values

Course = Mapping[float, float | None]
"""Place on the axis -> value."""


def curve_lines(experiment: Experiment, values: Values, dataset: str) -> tuple[Line, ...]:
    """Return each row's A@0.5 in percent at the evaluations along the run."""

    def read(row: Row, seed: int) -> Course:
        curve = values.curve(experiment.name, row.name, dataset, seed)
        return {point["step"]: 100 * point["a50"] for point in curve}

    return _lines(experiment, values, dataset, read, "band")


def series_lines(
    experiment: Experiment, values: Values, dataset: str, key: str, kind: Kind = "band", smooth: bool = False
) -> tuple[Line, ...]:
    """Return each row's series of that name over the optimizer steps, with `smooth` as a running mean."""

    def read(row: Row, seed: int) -> Course:
        series = values.series(experiment.name, row.name, dataset, seed) or {}
        numbers = series.get(key, [])
        if smooth:
            numbers = running_mean(np.array(numbers, dtype=float)).tolist()
        return dict(enumerate(numbers, start=1))

    return _lines(experiment, values, dataset, read, kind)


def grid_lines(experiment: Experiment, values: Values, dataset: str) -> tuple[Line, ...]:
    """Return A@0.5 in percent over the value in the name of rows "NAME value", one line per NAME.

    A value that is no number, as in "Refresh half", stands at its place in the order of the rows.
    """
    stems = list(dict.fromkeys(map(stem, experiment.rows)))
    lines = []
    for place, name in enumerate(stems):
        seeds: dict[int, dict[float, float | None]] = {}
        for index, row in enumerate(row for row in experiment.rows if stem(row) == name):
            for seed, value in values.seeds(experiment.name, row.name, dataset, "a50").items():
                number = number_of(row)
                seeds.setdefault(seed, {})[index if number is None else number] = 100 * value
        if seeds:
            lines.append(Line(name, look(name, place), seeds, "bars"))
    return tuple(lines)


def row_lines(experiment: Experiment, values: Values, dataset: str, metric: str) -> tuple[Line, ...]:
    """Return each row's metric in percent at the last step, every row at its own place, counted from 0."""

    def read(row: Row, seed: int) -> Course:
        found = values.seeds(experiment.name, row.name, dataset, metric)
        return {experiment.rows.index(row): 100 * found[seed]} if seed in found else {}

    return _lines(experiment, values, dataset, read, "bars")


def stem(row: Row) -> str:
    """Return NAME of "NAME value"."""
    return row.name.rpartition(" ")[0]


def number_of(row: Row) -> float | None:
    """Return the number in "NAME number"; None where it is another word."""
    try:
        return float(row.name.rpartition(" ")[2])
    except ValueError:
        return None


def _lines(
    experiment: Experiment, values: Values, dataset: str, read: Callable[[Row, int], Course], kind: Kind
) -> tuple[Line, ...]:
    """Return a line for every row with a value; every seed found counts, as in the tables."""
    lines = []
    for place, row in enumerate(experiment.rows):
        found = values.records(experiment.name, row.name, dataset) if dataset in row.datasets else {}
        courses = {seed: read(row, seed) for seed in found}
        seeds = {seed: course for seed, course in courses.items() if any(v is not None for v in course.values())}
        if seeds:
            lines.append(Line(row.name, look(row.name, place), seeds, kind))
    return tuple(lines)
