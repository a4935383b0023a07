"""Cross-validation: the test parts of all folds as one set, every image answered by a model that never saw it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from medloc.report.cells import MISSING, Cell
from medloc.report.image_counts import image_counts
from medloc.report.image_ious import Array, ImageIous, read_image_ious
from medloc.report.stats import cluster_bootstrap
from medloc.report.text_table import TextTable
from medloc.runs import Record

SPLIT = re.compile(r"dataset\.split=fold(\d+)of(\d+)")
METRICS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP", "mean_iou": "mean IoU"}
HEADER = ("Data", "Row", "Steps", "Folds", "Images", *METRICS.values(), "A@0.5 over images", "First row minus this")
BOXES: dict[Literal["best", "median"], str] = {"best": "Best constant box", "median": "Median constant box"}
READING = (
    "the test parts of all folds scored as one set, in percent, mean ± standard deviation over seeds (N); behind them "
    "A@0.5 and the first row's difference from it, seeds held fixed, with 95 % bootstrap intervals over lesions or "
    "patients"
)


class _Row(NamedTuple):
    """What the runs of one line share."""

    data: str
    name: str
    steps: int
    folds: int


@dataclass(frozen=True)
class _Pooled:
    """The runs of one line.

    Attributes:
        seeds: Seed -> overlaps of all folds in their order, of the seeds that have all.
        most: The largest number of folds that a seed has.
        first: The records of all folds of one seed, () where no seed has all.
    """

    seeds: Mapping[int, ImageIous]
    most: int
    first: tuple[Record, ...]


def is_fold(record: Record) -> bool:
    """Tell whether a run is a part of a cross-validation, so that its own numbers are those of a part."""
    return SPLIT.search(record.identity["variant"]) is not None


def folds_table(results: Path, records: Iterable[Record]) -> TextTable | None:
    """Return one line for every data set, method and length of training that ran on folds; None where nothing did."""
    lines = _lines_of([record for record in records if record.status == "complete" and is_fold(record)])
    pooled = {row: _pool(results, row.folds, found) for row, found in lines.items()}
    rows = [line for data in dict.fromkeys(row.data for row in pooled) for line in _of_data(data, pooled)]
    return TextTable(f"Cross-validated: {READING}", HEADER, tuple(rows)) if rows else None


def _lines_of(records: Sequence[Record]) -> dict[_Row, list[Record]]:
    """Sort the runs into lines: those that train first, in the order of their names."""
    words = [set(_rest(record).split()) for record in records]
    common = set.intersection(*words) if words else set()
    lines: dict[_Row, list[Record]] = {}
    for record in records:
        identity = record.identity
        own = [word for word in _rest(record).split() if word not in common]
        name = " ".join(filter(None, [identity["method"], identity["schedule"], identity["model"], *own]))
        part = "" if identity["evaluated_on"] == "test" else f", {identity['evaluated_on']} images"
        row = _Row(f"{identity['origin']}{part}", name, identity["steps"], _fold(record)[1])
        lines.setdefault(row, []).append(record)
    return {row: lines[row] for row in sorted(lines, key=lambda row: (row.data, not row.steps, row))}


def _rest(record: Record) -> str:
    return SPLIT.sub("", record.identity["variant"])


def _fold(record: Record) -> tuple[int, int]:
    """Return which fold a run tested, and of how many."""
    fold, folds = SPLIT.findall(record.identity["variant"])[0]
    return int(fold), int(folds)


def _pool(results: Path, folds: int, records: Sequence[Record]) -> _Pooled:
    by_seed: dict[int, dict[int, tuple[Record, ImageIous]]] = {}
    for record in sorted(records, key=lambda record: record.started):
        found = by_seed.setdefault(record.identity["seed"], {})
        if (answered := _answered(results, record)) is not None:
            found[_fold(record)[0]] = (record, answered)
    whole = {seed: [found[fold] for fold in sorted(found)] for seed, found in by_seed.items() if len(found) == folds}
    seeds = {seed: _joined([ious for _, ious in whole[seed]]) for seed in sorted(whole)}
    first = tuple(record for record, _ in whole[min(whole)]) if whole else ()
    return _Pooled(seeds, max(map(len, by_seed.values())), first)


def _answered(results: Path, record: Record) -> ImageIous | None:
    """Return the overlaps on one fold's images; None where they are not at hand, or torn."""
    path = results / "runs" / record.key / "samples.jsonl"
    if path.exists():
        try:
            return read_image_ious(path)
        except ValueError:
            return None
    counted = image_counts(results, [record])
    if record.test_ious is None or counted is None or len(counted.order) != len(record.test_ious):
        return None
    ids, groups = zip(*counted.order, strict=True)
    return ImageIous(ids, groups, np.array(record.test_ious, dtype=np.float64))


def _joined(parts: Sequence[ImageIous]) -> ImageIous:
    ids = tuple(name for part in parts for name in part.ids)
    groups = tuple(group for part in parts for group in part.groups)
    return ImageIous(ids, groups, np.concatenate([part.ious for part in parts]))


def _of_data(data: str, pooled: Mapping[_Row, _Pooled]) -> Iterator[tuple[str, ...]]:
    members = {row: found for row, found in pooled.items() if row.data == data}
    first = next((found for found in members.values() if found.seeds), None)
    for row, found in members.items():
        if found.seeds:
            yield _line(row, found, first)
        else:
            have = f"{found.most} of {row.folds}"
            yield (data, row.name, str(row.steps), have, *[MISSING] * (len(HEADER) - 4))
    if first is not None:
        for key, name in BOXES.items():
            values = [_box(key, metric, first.first) for metric in METRICS]
            cells = (str(Cell(() if value is None else (value,))) for value in values)
            yield (data, name, *[MISSING] * 3, *cells, *[MISSING] * 2)


def _line(row: _Row, pooled: _Pooled, first: _Pooled | None) -> tuple[str, ...]:
    any_seed = next(iter(pooled.seeds.values()))
    cells = [str(Cell(tuple(float(ious.scores(key).mean()) for ious in pooled.seeds.values()))) for key in METRICS]
    against = MISSING
    if first is not None and first is not pooled and next(iter(first.seeds.values())).ids == any_seed.ids:
        against = _over_images(_mean_scores(first) - _mean_scores(pooled), any_seed.groups, sign="+")
    numbers = (str(row.steps), str(row.folds), str(len(any_seed.ids)))
    return (row.data, row.name, *numbers, *cells, _over_images(_mean_scores(pooled), any_seed.groups), against)


def _mean_scores(pooled: _Pooled) -> Array:
    """Return what each image adds to A@0.5, in percent, as the mean over seeds."""
    scores: Array = 100 * np.mean([ious.scores("a50") for ious in pooled.seeds.values()], axis=0)
    return scores


def _over_images(scores: Array, groups: Sequence[str], sign: str = "-") -> str:
    interval = cluster_bootstrap(scores, groups)
    ends = f" ({interval.low:{sign}.1f} to {interval.high:{sign}.1f})" if interval else ""
    return f"{scores.mean():{sign}.1f}{ends}"


def _box(key: Literal["best", "median"], metric: str, folds: Sequence[Record]) -> float | None:
    """Score the constant boxes of the folds, each found on its own training images, as one; None where one lacks."""
    boxes = [record.metrics["constant_box"] for record in folds]
    scores = [(box[key]["n"], box[key][metric]) for box in boxes if box]  # type: ignore[literal-required]
    if len(scores) < len(folds) or any(value is None for _, value in scores):
        return None
    return sum(n * value for n, value in scores) / sum(n for n, _ in scores)
