"""What the records of one group say about the rows of an experiment, and which runs are missing."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from medloc.experiments.catalog import FAMILIES, Experiment, Row, experiments
from medloc.experiments.reduced import WHOLE, ReducedGrid
from medloc.experiments.rows import PartialIdentity, PlannedRun, planned_run
from medloc.report.frame import RUN, UNTRAINED, Group, long_frame, match, measured, run_words, runs_frame
from medloc.report.runs import ImageIous, image_counts, published_ious, read_image_ious, read_series
from medloc.runs import Record
from medloc.runs.record import CurvePoint
from medloc.spec.compose import has_option, option_values
from medloc.spec.overrides import value_text

T = TypeVar("T")


class Values:
    """The numbers of one group, found by experiment and row.

    A row asks for a method, a model, a schedule and overrides; training preset and length are the group's. Data sets
    that the group is not about have no rows. Every seed found counts, also one that the experiment did not plan.

    Args:
        group: The records that compare.
        results: The folder above `runs/`, for what lies beside a record.
        grid: What made the grid smaller, if anything did.

    Attributes:
        runs: One row for each run, see `frame.runs_frame`.
        problems: One line for every file that could not be read, in the order of asking.
    """

    def __init__(self, group: Group, results: Path, grid: ReducedGrid = WHOLE):
        self.group, self.results, self.grid = group, results, grid
        self.problems: list[str] = []
        self.runs = runs_frame(group.records)
        self._matched = match(self.runs)
        self._asked: dict[tuple[str, str, str], tuple[str, ...] | None] = {}
        self._planned: dict[tuple[str, str, int], PlannedRun] = {}
        self._orders: dict[str, list[tuple[str, str]] | None] = {}
        self._read: dict[Path, Any] = {}

    @cached_property
    def long(self) -> pd.DataFrame:
        """One row for each run, stage and metric, see `frame.long_frame`."""
        return long_frame(self.group.records)

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """Every experiment by name, its models those of the group's family; none for a family that stands in no row."""
        family, datasets = self.group.setting.family, self.group.datasets
        found = experiments(family, self.grid) if family in FAMILIES else ()

        def at_hand(rows: Iterable[Row]) -> tuple[Row, ...]:
            narrowed = (replace(row, datasets=tuple(d for d in row.datasets if d in datasets)) for row in rows)
            return tuple(row for row in narrowed if row.datasets)

        return {each.name: replace(each, rows=at_hand(each.rows)) for each in found}

    @cached_property
    def plain(self) -> list[Record]:
        """The records without overrides or a prompt of their own: they measure start, boxes and answer grid."""
        variant = placed(planned_run(("method=medloc", *self.grid.overrides)), self.group).identity["variant"]
        runs = (record for record in self.group.records if record.identity["variant"] == variant)
        return [record for record in runs if record.config.get("method", {}).get("prompt") is None]

    def rows(self, experiment: str) -> tuple[Row, ...]:
        """Return the rows of an experiment that the group can have numbers for."""
        return self.experiments[experiment].rows if experiment in self.experiments else ()

    def seeds(self, experiment: str, row: str, dataset: str, metric: str) -> dict[int, float]:
        """Return seed -> fraction in [0, 1], in the order of the seeds; {} where nothing ran.

        A zero-shot row takes its own runs, and where there is none, the start that every trained run measured.

        Args:
            experiment: "table1" ... "rewards".
            row: As the experiment's file names it.
            dataset: As a record names it.
            metric: "a50", "a80", "map" or "mean_iou".
        """
        start = self._is_start(experiment, row, dataset)
        found = {
            seed: measured(record).get("zero_shot", {}).get(metric) if start else self.table_score(record, metric)
            for seed, record in self.records(experiment, row, dataset).items()
        }
        return {seed: value for seed, value in found.items() if value is not None}

    def table_score(self, record: Record, metric: str) -> float | None:
        """Return what one run measured for the tables: after training, or as it is where nothing is trained."""
        untrained = record.identity["method"] == UNTRAINED and not record.metrics["final"]
        return measured(record).get("zero_shot" if untrained else "final", {}).get(metric)

    def images(self, experiment: str, row: str, dataset: str, seed: int) -> ImageIous | None:
        """Return the overlaps on the test images, in test order; None where there is no run or no group is known.

        They come from samples.jsonl beside the record, or from the record's own `test_ious`; then ids and groups are
        those of any other run on the same images.
        """
        record = self.records(experiment, row, dataset).get(seed)
        if record is None:
            return None
        start = self._is_start(experiment, row, dataset)
        found = self._beside(record, "start.jsonl" if start else "samples.jsonl", read_image_ious)
        return found if found is not None or start else published_ious(record, self._order(dataset))

    def curve(self, experiment: str, row: str, dataset: str, seed: int) -> list[CurvePoint]:
        """Return the evaluations along a run, step 0 and the last among them; [] where there are none."""
        record = self.records(experiment, row, dataset).get(seed)
        return record.metrics["curve"] if record else []

    def series(self, experiment: str, row: str, dataset: str, seed: int) -> dict[str, list[Any]] | None:
        """Return the per-step lists of a run by their names in the trace; None where there are none."""
        record = self.records(experiment, row, dataset).get(seed)
        return None if record is None else self.series_of(record)

    def series_of(self, record: Record) -> dict[str, list[Any]] | None:
        """Return the per-step lists of one record, as `series` does."""
        return record.series if record.series is not None else self._beside(record, "trace.jsonl", read_series)

    def records(self, experiment: str, row: str, dataset: str) -> dict[int, Record]:
        """Return seed -> the record that `seeds` and the others read, in the order of the seeds."""
        run = self._run(experiment, row, dataset)
        found = self._matched.get(run, []) if run else []
        if run and self._is_start(experiment, row, dataset):  # any run that started from this model and measured it
            started = [r for r in self.plain if run_words(r.identity)[:2] == run[:2] and r.metrics["zero_shot"]]
            found = sorted(started, key=lambda record: (record.identity["seed"], record.key))
        return {record.identity["seed"]: record for record in found}

    def missing(self, experiment: str) -> list[PlannedRun]:
        """Return the runs that an experiment plans and the group has no complete record of.

        Their overrides put them into this group: its data, training preset and length.
        """
        runs = (run for row in self.rows(experiment) for run in self.missing_of(experiment, row))
        return list(dict.fromkeys(runs))

    def missing_of(self, experiment: str, row: Row) -> list[PlannedRun]:
        """Return the missing runs of one row; a zero-shot row is whole with a single run, since no seed moves it."""
        runs = []
        for dataset in row.datasets:
            found = self.records(experiment, row.name, dataset)
            if not found or row.set["method"] != UNTRAINED:
                runs += [self.planned(row, dataset, seed) for seed in row.seeds if seed not in found]
        return runs

    def planned(self, row: Row, dataset: str, seed: int) -> PlannedRun:
        """Return the run behind one data set and seed of a row, put into this group."""
        place = (str(row.set), dataset, seed)  # rows of several tables and figures are the same run
        if place not in self._planned:
            self._planned[place] = placed(row.run(dataset, seed), self.group)
        return self._planned[place]

    def reading_run(self, dataset: str) -> PlannedRun:
        """Return the shortest run that reads a data set of this group: the model answers as it is."""
        words = (f"method={UNTRAINED}", f"dataset={dataset}", *self.grid.overrides)
        return placed(planned_run(words), self.group)

    def reproduce(self, experiment: str) -> str:
        """Return the command that makes an experiment's missing runs; "" where its runs would be another group's."""
        family = self.group.setting.family
        first = ((row, dataset, row.seeds[0]) for row in self.rows(experiment) for dataset in row.datasets)
        if self.grid != WHOLE or any(self.planned(*run) != run[0].run(*run[1:]) for run in first):
            return ""
        return f"python -m medloc.reproduce {experiment}{'' if family == 'tiny' else f' --family {family}'}"

    def _run(self, experiment: str, name: str, dataset: str) -> tuple[str, ...] | None:
        """Return the words of the run that a row asks for; None where there is no such row."""
        place = (experiment, name, dataset)
        if place not in self._asked:
            row = next((row for row in self.rows(experiment) if row.name == name and dataset in row.datasets), None)
            self._asked[place] = run_words(self.planned(row, dataset, row.seeds[0]).identity) if row else None
        return self._asked[place]

    def _is_start(self, experiment: str, row: str, dataset: str) -> bool:
        """Tell whether a zero-shot row is read from the starts of other runs."""
        run = self._run(experiment, row, dataset)
        return run is not None and run[RUN.index("method")] == UNTRAINED and run not in self._matched

    def _beside(self, record: Record, name: str, read: Callable[[Path], T]) -> T | None:
        """Read a file beside a record, once; None where there is none, and where it is torn, which is a problem."""
        path = self.results / "runs" / record.key / name
        if path not in self._read:
            try:
                self._read[path] = read(path) if path.exists() else None
            except ValueError as error:
                self.problems.append(str(error).replace(str(self.results / "runs"), "runs"))
                self._read[path] = None
        found: T | None = self._read[path]
        return found

    def _order(self, dataset: str) -> Sequence[tuple[str, str]] | None:
        """Return ids and groups of the images that a data set's runs answer, from the first run that has them.

        Where none has, as with published records, they are those of the data set's test images.
        """
        if dataset not in self._orders:
            members = [record for record in self.group.records if record.identity["dataset"] == dataset]
            files = ((record, name) for record in members for name in ("samples.jsonl", "start.jsonl"))
            read = (self._beside(*file, read_image_ious) for file in files)
            first = next((found for found in read if found is not None), None)
            self._orders[dataset] = list(zip(first.ids, first.groups, strict=True)) if first else None
            if first is None and self.group.setting.evaluated_on == "test":
                counted = image_counts(self.results, members)
                self._orders[dataset] = list(counted.order) if counted else None
        return self._orders[dataset]


@dataclass(frozen=True)
class Missing:
    """Runs of one row that have no complete record, and the command that makes them.

    Attributes:
        row: Name of the row, or what else is missing.
        datasets: The data sets that lack the same seeds.
        seeds: Those seeds; () where none is asked for.
        command: What to type.
    """

    row: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    command: str

    def __str__(self) -> str:
        """Return the runs in words: "SFT-3B, heel, seeds 42, 43"."""
        seeds = f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}" if self.seeds else ""
        return ", ".join(filter(None, (self.row, *self.datasets, seeds)))


def missing_runs(values: Values, experiment: str, rows: Iterable[Row]) -> list[Missing]:
    """List the runs that rows of an experiment still need, as few commands as will do.

    Rows whose method or model this checkout lacks are left to `unavailable`.
    """
    listed = list(rows)
    lacking = unavailable(listed)
    wanted = (row for row in listed if row.name not in lacking)
    return [one for row in wanted for one in _commands(row, values.missing_of(experiment, row))]


def unavailable(rows: Iterable[Row]) -> list[str]:
    """Name the rows whose method or model this checkout cannot run."""
    return [
        row.name for row in rows if not all(has_option(group, str(row.set[group])) for group in ("method", "model"))
    ]


def placed(run: PlannedRun, group: Group) -> PlannedRun:
    """Add to a run what puts it into this group and no other: its images and training; nothing where it is there."""
    words = (*_data_words(run.identity["dataset"], group), *_training_words(run.identity, group))
    return planned_run((*run.overrides, *words)) if words else run


def _commands(row: Row, runs: Iterable[PlannedRun]) -> Iterator[Missing]:
    """Put data sets that lack the same seeds into one command, except real ones: each has its own folder."""
    seeds: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for run in runs:
        words = tuple(word for word in run.overrides if word.partition("=")[0] not in ("dataset", "seed"))
        seeds.setdefault((words, run.identity["dataset"]), []).append(run.identity["seed"])
    together: dict[tuple[tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for (words, dataset), found in seeds.items():
        together.setdefault((words, tuple(found)), []).append(dataset)
    for (words, wanted), datasets in together.items():
        dataset, seed = ",".join(datasets), ",".join(map(str, wanted))
        many = ["-m"] if "," in dataset + seed else []
        command = shlex.join([*many, f"dataset={dataset}", *words, f"seed={seed}"])
        yield Missing(row.name, tuple(datasets), wanted, f"python -m medloc.run {command}")


def _data_words(dataset: str, group: Group) -> list[str]:
    words = []
    if group.setting.kind == "real":
        # the folder's name, without saying where it lies on the machine that made the record
        origins = sorted({r.identity["origin"] for r in group.records if r.identity["dataset"] == dataset})
        words.append(f"dataset.root=PATH_TO/{origins[0].partition(': ')[2] if origins else dataset}")
    if group.setting.evaluated_on != "test":
        words.append(f"dataset.evaluate_on={group.setting.evaluated_on}")
    return words


def _training_words(planned: PartialIdentity, group: Group) -> list[str]:
    if not group.train or planned["method"] == UNTRAINED:
        return []
    words = [] if group.train == planned["train"] else [f"train={group.train}"]
    preset = option_values("train", group.train)
    number, _, unit = group.length.partition(" ")
    wanted = {"steps": {"train.max_steps": number}, "epochs": {"train.max_steps": "null", "train.epochs": number}}
    for key, value in wanted.get(unit, {}).items():
        if value_text(preset[key.removeprefix("train.")]) != value:
            words.append(f"{key}={value}")
    return words
