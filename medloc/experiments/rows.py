"""What a table or figure asks for: rows, each with its runs over data sets and seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medloc.experiments.planned import PlannedRun, planned_run
from medloc.spec.words import word


@dataclass(frozen=True)
class Row:
    """A row of a table, a line of a figure: one number per data set and metric, over seeds.

    Attributes:
        name: as the paper prints it, or ours where the paper has no such row.
        set: overrides, key to value.
        datasets: the data sets it has numbers on.
        seeds: the seeds that its numbers are over.
        extra: overrides added by a thinned grid.
    """

    name: str
    set: Mapping[str, Any]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    extra: tuple[str, ...] = ()

    def run(self, dataset: str, seed: int) -> PlannedRun:
        """Return the run behind one data set and seed."""
        own = (f"{key}={word(value)}" for key, value in self.set.items())
        return planned_run((*own, f"dataset={dataset}", *self.extra, f"seed={seed}"))

    def runs(self) -> tuple[PlannedRun, ...]:
        """Return every run of the row, data set by data set."""
        return tuple(self.run(dataset, seed) for dataset in self.datasets for seed in self.seeds)


@dataclass(frozen=True)
class Experiment:
    """One table or figure.

    Attributes:
        name: of its file: "table1".
        title: what stands above it.
        shows: what it shows, in one sentence.
        rows: in the order of printing; none for Table 5, which counts images.
    """

    name: str
    title: str
    shows: str
    rows: tuple[Row, ...]

    def runs(self) -> tuple[PlannedRun, ...]:
        """Return the distinct runs of all rows."""
        return tuple(dict.fromkeys(run for row in self.rows for run in row.runs()))
