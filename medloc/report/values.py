"""What the records of one group say about the rows of an experiment, and which runs are missing."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medloc.experiments.catalog import FAMILIES, Experiment, Row, experiments
from medloc.experiments.reduced import WHOLE, ReducedGrid
from medloc.experiments.rows import PartialIdentity, PlannedRun, planned_run
from medloc.report.frame import RUN, UNTRAINED, long_frame, match, run_words, runs_frame
from medloc.report.groups import Group
from medloc.report.runs import ImageIous, image_counts, read_image_ious
from medloc.runs import Record, bounded_lines, parsed
from medloc.runs.record import CurvePoint
from medloc.spec.compose import has_option, option_values
from medloc.spec.overrides import value_text


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
        self._read: dict[Path, ImageIous | None] = {}
        self._traced: dict[Path, dict[str, list[Any]] | None] = {}

    @cached_property
    def long(self) -> pd.DataFrame:
        """One row for each run, stage and metric, see `frame.long_frame`."""
        return long_frame(self.group.records)

    @cached_property
    def scores(self) -> dict[tuple[str, str], dict[str, float]]:
        """Stage and metric -> key of a record -> fraction."""
        if self.long.empty:
            return {}
        wide: Any = self.long.pivot(index="key", columns=["stage", "metric"], values="value")
        return {column: wide[column].dropna().to_dict() for column in wide}

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """Every experiment by name, its models those of the group's family; none for a family that stands in no row."""
        family = self.group.setting.family
        found = experiments(family, self.grid) if family in FAMILIES else ()
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
        records, found = self.records(experiment, row, dataset), {}
        start = self._is_start(experiment, row, dataset)
        for seed, record in records.items():
            value = self.score(record, "zero_shot", metric) if start else self.table_score(record, metric)
            if value is not None:
                found[seed] = value
        return found

    def score(self, record: Record, stage: str, metric: str) -> float | None:
        """Return what one run measured at a stage; None where it did not."""
        return self.scores.get((stage, metric), {}).get(record.key)

    def table_score(self, record: Record, metric: str) -> float | None:
        """Return what one run measured for the tables: after training, or as it is where nothing is trained."""
        untrained = record.identity["method"] == UNTRAINED and not record.metrics["final"]
        return self.score(record, "zero_shot" if untrained else "final", metric)

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
        """Return seed -> the record that `seeds` and the others read, in the order of the seeds."""
        run = self._run(experiment, row, dataset)
        if run is None:
            return {}
        method = run[RUN.index("method")]
        found = self._matched.get(run, self._starts(run) if method == UNTRAINED else [])
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
            enough = bool(found) and row.set["method"] == UNTRAINED
            for seed in row.seeds:
                if seed not in found and not enough:
                    runs.append(placed(row.run(dataset, seed), self.group))
        return runs

    def reading_run(self, dataset: str) -> PlannedRun:
        """Return the shortest run that reads a data set of this group: the model answers as it is."""
        words = (f"method={UNTRAINED}", f"dataset={dataset}", *self.grid.overrides)
        return placed(planned_run(words), self.group)

    def reproduce(self, experiment: str) -> str:
        """Return the command that makes an experiment's missing runs; "" where its runs would be another group's."""
        runs = [run for row in self.rows(experiment) for run in row.runs()]
        family = self.group.setting.family
        if self.grid != WHOLE or any(placed(run, self.group) != run for run in runs):
            return ""
        return f"python -m medloc.reproduce {experiment}{'' if family == 'tiny' else f' --family {family}'}"

    def plain(self) -> list[Record]:
        """Return the records without overrides or a prompt of their own: they measure start, boxes and answer grid."""
        run = placed(planned_run(("method=medloc", *self.grid.overrides)), self.group)
        if self.runs.empty:
            return []
        found = self.runs[self.runs["variant"] == run.identity["variant"]]
        return list(found[found["method.prompt"].isna()]["record"] if "method.prompt" in found else found["record"])

    def _at_hand(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        datasets = self.group.datasets
        narrowed = (replace(row, datasets=tuple(d for d in row.datasets if d in datasets)) for row in rows)
        return tuple(row for row in narrowed if row.datasets)

    def _run(self, experiment: str, name: str, dataset: str) -> tuple[str, ...] | None:
        """Return the words of the run that a row asks for; None where there is no such row."""
        place = (experiment, name, dataset)
        if place not in self._asked:
            row = next((row for row in self.rows(experiment) if row.name == name), None)
            asked = row is not None and dataset in row.datasets
            self._asked[place] = run_words(placed(row.run(dataset, 0), self.group).identity) if row and asked else None
        return self._asked[place]

    def _starts(self, run: tuple[str, ...]) -> list[Record]:
        """Return the runs that started from this row's model and measured it, in the order of their seeds."""
        wanted = run[: RUN.index("model") + 1]
        found = [r for r in self.plain() if (r.identity["dataset"], r.identity["model"]) == wanted]
        measured = [record for record in found if record.metrics["zero_shot"]]
        return sorted(measured, key=lambda record: (record.identity["seed"], record.key))

    def _is_start(self, experiment: str, row: str, dataset: str) -> bool:
        """Tell whether a zero-shot row is read from the starts of other runs."""
        run = self._run(experiment, row, dataset)
        return run is not None and run[RUN.index("method")] == UNTRAINED and run not in self._matched

    def _folder(self, record: Record) -> Path:
        return self.results / "runs" / record.key

    def _file(self, record: Record, name: str) -> ImageIous | None:
        path = self._folder(record) / name
        if path not in self._read:
            try:
                self._read[path] = read_image_ious(path) if path.exists() else None
            except ValueError as error:
                self.problems.append(str(error).replace(str(self.results / "runs"), "runs"))
                self._read[path] = None
        return self._read[path]

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
    return [one for row in rows if _available(row) for one in _commands(row, values.missing_of(experiment, row))]


def unavailable(rows: Iterable[Row]) -> list[str]:
    """Name the rows whose method or model this checkout cannot run."""
    return [row.name for row in rows if not _available(row)]


def placed(run: PlannedRun, group: Group) -> PlannedRun:
    """Add to a run what puts it into this group and no other: its images and training; nothing where it is there."""
    words = (*_data_words(run.identity["dataset"], group), *_training_words(run.identity, group))
    return planned_run((*run.overrides, *words)) if words else run


def _available(row: Row) -> bool:
    return all(has_option(group, str(row.set[group])) for group in ("method", "model"))


def _commands(row: Row, runs: Iterable[PlannedRun]) -> Iterable[Missing]:
    """Put data sets that lack the same seeds into one command, except real ones: each has its own folder."""
    lacking = pd.DataFrame(
        [(_shared(run), run.identity["dataset"], run.identity["seed"]) for run in runs],
        columns=["words", "dataset", "seed"],
    )
    seeds = lacking.groupby(["words", "dataset"], sort=False)["seed"].agg(tuple).reset_index()
    words: Any
    wanted: Any
    for (words, wanted), together in seeds.groupby(["words", "seed"], sort=False)["dataset"]:
        dataset, seed = ",".join(together), ",".join(map(str, wanted))
        many = ["-m"] if "," in dataset + seed else []
        command = shlex.join([*many, f"dataset={dataset}", *words, f"seed={seed}"])
        yield Missing(row.name, tuple(together), wanted, f"python -m medloc.run {command}")


def _shared(run: PlannedRun) -> tuple[str, ...]:
    """Return a run's overrides without its data set and seed."""
    return tuple(each for each in run.overrides if each.partition("=")[0] not in ("dataset", "seed"))


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


def _columns(path: Path, problems: list[str]) -> dict[str, list[Any]] | None:
    """Turn a trace into lists, without the IoUs; None where it is empty or torn."""
    try:
        with path.open("rb") as file:
            lines = [parsed(line) for line in bounded_lines(file, path.name)]
        return {key: [line[key] for line in lines] for key in lines[0] if key != "ious"} if lines else None
    except (ValueError, KeyError, TypeError) as error:
        problems.append(f"runs/{path.parent.name}/{path.name}: not a trace ({error!r}).")
        return None
