"""What the records of one group say about the rows of an experiment: seeds, images, curves, series, missing runs."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from medloc.experiments.catalog import Experiment, Row, experiments
from medloc.experiments.reduced import WHOLE, ReducedGrid
from medloc.experiments.rows import PartialIdentity, PlannedRun, planned_run
from medloc.report.groups import Group
from medloc.report.image_counts import image_counts
from medloc.report.image_ious import ImageIous, read_image_ious
from medloc.report.placement import UNTRAINED, placed
from medloc.report.rows import FAMILIES
from medloc.runs import Identity, Record, Scores, bounded_lines, parsed
from medloc.runs.record import CurvePoint


class _Run(NamedTuple):
    """A run apart from its seed."""

    dataset: str
    model: str
    method: str
    schedule: str | None
    variant: str


class Values:
    """The numbers of one group, found by experiment and row.

    A row asks for a method, a model, a schedule and overrides; training preset and length are the group's. Data sets
    that the group is not about have no rows. Every seed found counts, also one that the experiment did not plan.

    Args:
        group: The records that compare.
        results: The folder above `runs/`, for what lies beside a record.
        thinning: What made the grid smaller, if anything did.

    Attributes:
        problems: One line for every file that could not be read, in the order of asking.
    """

    def __init__(self, group: Group, results: Path, thinning: ReducedGrid = WHOLE):
        self.group, self.results, self.thinning = group, results, thinning
        self.problems: list[str] = []
        self._found: dict[_Run, dict[int, Record]] = {}
        for record in sorted(group.records, key=lambda record: (record.identity["seed"], record.key)):
            self._found.setdefault(_of(record.identity), {})[record.identity["seed"]] = record
        self._runs: dict[tuple[str, str, str], _Run | None] = {}
        self._read: dict[Path, ImageIous | None] = {}
        self._traced: dict[Path, dict[str, list[Any]] | None] = {}

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """Every experiment by name, its models those of the group's family; none for a family that stands in no row."""
        family = self.group.setting.family
        found = experiments(family, self.thinning) if family in FAMILIES else ()
        return {each.name: replace(each, rows=self._at_hand(each.rows)) for each in found}

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
        pick = first_scores if start else last_scores
        return scored(self.records(experiment, row, dataset), pick, metric)

    def images(self, experiment: str, row: str, dataset: str, seed: int) -> ImageIous | None:
        """Return the overlaps on the test images, in test order; None where there is no run or no group is known.

        They come from samples.jsonl beside the record, or from the record's own `test_ious`; then ids and groups are
        those of any other run on the same images.
        """
        record = self.records(experiment, row, dataset).get(seed)
        if record is None:
            return None
        start = self._is_start(experiment, row, dataset)
        found = self._file(record, "start.jsonl" if start else "samples.jsonl")
        if found is not None or start or record.test_ious is None:
            return found
        order = self._order(dataset)
        if order is None or len(order.ids) != len(record.test_ious):
            return None
        return replace(order, ious=np.array(record.test_ious, dtype=np.float64))

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
        if record.series is not None:
            return record.series
        path = self._folder(record) / "trace.jsonl"
        if path not in self._traced:
            self._traced[path] = _columns(path, self.problems) if path.exists() else None
        return self._traced[path]

    def records(self, experiment: str, row: str, dataset: str) -> dict[int, Record]:
        """Return seed -> the record that `seeds` and the others read."""
        run = self._run(experiment, row, dataset)
        if run is None:
            return {}
        found = self._found.get(run, {})
        return found if found or run.method != UNTRAINED else self._starts(run)

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
            enough = bool(found) and row.set["method"] == UNTRAINED
            for seed in row.seeds:
                if seed not in found and not enough:
                    runs.append(placed(row.run(dataset, seed), self.group))
        return runs

    def reading_run(self, dataset: str) -> PlannedRun:
        """Return the shortest run that reads a data set of this group: the model answers as it is."""
        words = (f"method={UNTRAINED}", f"dataset={dataset}", *self.thinning.overrides)
        return placed(planned_run(words), self.group)

    def reproduce(self, experiment: str) -> str:
        """Return the command that makes an experiment's missing runs; "" where its runs would be another group's."""
        runs = [run for row in self.rows(experiment) for run in row.runs()]
        family = self.group.setting.family
        if self.thinning != WHOLE or any(placed(run, self.group) != run for run in runs):
            return ""
        return f"python -m medloc.reproduce {experiment}{'' if family == 'tiny' else f' --family {family}'}"

    def plain(self) -> list[Record]:
        """Return the records without overrides or a prompt of their own: they measure start, boxes and answer grid."""
        run = placed(planned_run(("method=medloc", *self.thinning.overrides)), self.group)
        variant = run.identity["variant"]
        return [r for r in self.group.records if r.identity["variant"] == variant and not _prompt(r)]

    def _at_hand(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        datasets = self.group.datasets
        narrowed = (replace(row, datasets=tuple(d for d in row.datasets if d in datasets)) for row in rows)
        return tuple(row for row in narrowed if row.datasets)

    def _row(self, experiment: str, name: str) -> Row | None:
        return next((row for row in self.rows(experiment) if row.name == name), None)

    def _run(self, experiment: str, name: str, dataset: str) -> _Run | None:
        place = (experiment, name, dataset)
        if place not in self._runs:
            row = self._row(experiment, name)
            asked = row is not None and dataset in row.datasets
            self._runs[place] = _of(placed(row.run(dataset, 0), self.group).identity) if row and asked else None
        return self._runs[place]

    def _starts(self, run: _Run) -> dict[int, Record]:
        """Return seed -> a run that started from this row's model and measured it."""
        words = (run.dataset, run.model)
        found = [r for r in self.plain() if (r.identity["dataset"], r.identity["model"]) == words and first_scores(r)]
        return {r.identity["seed"]: r for r in sorted(found, key=lambda r: (r.identity["seed"], r.key))}

    def _is_start(self, experiment: str, row: str, dataset: str) -> bool:
        """Tell whether a zero-shot row is read from the starts of other runs."""
        run = self._run(experiment, row, dataset)
        return run is not None and run.method == UNTRAINED and run not in self._found

    def _folder(self, record: Record) -> Path:
        return self.results / "runs" / record.key

    def _file(self, record: Record, name: str) -> ImageIous | None:
        path = self._folder(record) / name
        if path not in self._read:
            self._read[path] = self._try(path) if path.exists() else None
        return self._read[path]

    def _try(self, path: Path) -> ImageIous | None:
        try:
            return read_image_ious(path)
        except ValueError as error:
            self.problems.append(str(error).replace(str(self.results / "runs"), "runs"))
            return None

    def _order(self, dataset: str) -> ImageIous | None:
        """Return ids and groups of the images that a data set's runs answer, from the first run that has them.

        Where none has, as with published records, they are those of the data set's test images.
        """
        members = [record for record in self.group.records if record.identity["dataset"] == dataset]
        names = ((record, name) for record in members for name in ("samples.jsonl", "start.jsonl"))
        found = next((each for each in (self._file(*name) for name in names) if each is not None), None)
        if found is not None or self.group.setting.evaluated_on != "test":
            return found
        counted = image_counts(self.results, members)
        if counted is None:
            return None
        ids, groups = (tuple(pair[place] for pair in counted.order) for place in (0, 1))
        return ImageIous(ids, groups, np.empty(0))


def first_scores(record: Record) -> Scores | None:
    """Return what a run measured before training."""
    return record.metrics["zero_shot"]


def last_scores(record: Record) -> Scores | None:
    """Return what a run measured for the tables."""
    return record.metrics["final"] or (first_scores(record) if record.identity["method"] == UNTRAINED else None)


def scored(records: dict[int, Record], pick: Callable[[Record], Scores | None], metric: str) -> dict[int, float]:
    """Return seed -> one metric of what `pick` takes from each record, without those that have none."""
    scores = {seed: pick(record) for seed, record in records.items()}
    values = {seed: found[metric] for seed, found in scores.items() if found}  # type: ignore[literal-required]
    return {seed: value for seed, value in values.items() if value is not None}


def _of(identity: Identity | PartialIdentity) -> _Run:
    return _Run(*(identity[word] for word in _Run._fields))  # type: ignore[literal-required]


def _prompt(record: Record) -> Any:
    return record.config.get("method", {}).get("prompt")


def _columns(path: Path, problems: list[str]) -> dict[str, list[Any]] | None:
    """Turn a trace into lists, without the IoUs; None where it is empty or torn."""
    try:
        with path.open("rb") as file:
            lines = [parsed(line) for line in bounded_lines(file, path.name)]
        return {key: [line[key] for line in lines] for key in lines[0] if key != "ious"} if lines else None
    except (ValueError, KeyError, TypeError) as error:
        problems.append(f"runs/{path.parent.name}/{path.name}: not a trace ({error!r}).")
        return None
