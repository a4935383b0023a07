"""Cross-validation: the test parts of all folds as one set, every image answered by a model that never saw it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medloc.report.frame import FOLD, measured, runs_frame
from medloc.report.runs import Array, ImageIous, image_counts, read_image_ious
from medloc.report.stats import cluster_bootstrap
from medloc.report.tables.table import MISSING, Cell, TextTable
from medloc.runs import Record

METRICS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP", "mean_iou": "mean IoU"}
HEADER = ("Data", "Row", "Steps", "Folds", "Images", *METRICS.values(), "A@0.5 over images", "First row minus this")
BOXES = {"best_box": "Best constant box", "median_box": "Median constant box"}
READING = (
    "the test parts of all folds scored as one set, in percent, mean ± standard deviation over seeds (N); behind them "
    "A@0.5 and the first row's difference from it, seeds held fixed, with 95 % bootstrap intervals over lesions or "
    "patients"
)
LINE = ["where", "untrained", "name", "steps", "folds"]
"""The columns that the runs of one line share, in the order of printing: those that train first."""


@dataclass(frozen=True)
class _Pooled:
    """The runs of one line.

    Attributes:
        name: Of the line.
        steps: Optimizer steps of each run.
        folds: Number of folds.
        most: The largest number of folds that a seed has.
        seeds: The overlaps of all folds in their order, for each seed that has all.
        first: The records of all folds of the first such seed; () where no seed has all.
    """

    name: str
    steps: int
    folds: int
    most: int
    seeds: tuple[ImageIous, ...]
    first: tuple[Record, ...]

    @property
    def hits(self) -> Array:
        """What each image adds to A@0.5, in percent, as the mean over seeds."""
        scores: Array = 100 * np.mean([ious.scores("a50") for ious in self.seeds], axis=0)
        return scores


def folds_table(results: Path, records: Iterable[Record]) -> TextTable | None:
    """Return one line for every data set, method and length of training that ran on folds; None where nothing did."""
    runs = runs_frame(record for record in records if record.status == "complete")
    runs = runs[runs["fold"].notna()] if len(runs) else runs
    if runs.empty:
        return None
    runs = _with_lines(runs)
    answers: list[Any] = [_answered(results, record) for record in runs["record"]]
    runs = runs.assign(answered=answers)
    lines: list[tuple[str, ...]] = []
    for where, members in runs.groupby("where"):
        lines += _of_data(str(where), [_pool(line, found) for line, found in members.groupby(LINE)])
    return TextTable(f"Cross-validated: {READING}", HEADER, tuple(lines))


def _with_lines(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of `LINE`; overrides that all runs share are left out of a line's name."""
    words = [FOLD.sub("", variant).split() for variant in runs["variant"]]
    common = set.intersection(*map(set, words))
    own = [" ".join(word for word in found if word not in common) for found in words]
    parts = zip(runs["method"], runs["schedule"], runs["model"], own, strict=True)
    elsewhere = ", " + runs["evaluated_on"] + " images"
    return runs.assign(
        name=[" ".join(filter(None, part)) for part in parts],
        where=runs["origin"] + elsewhere.where(runs["evaluated_on"] != "test", ""),
        untrained=runs["steps"] == 0,
    )


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


def _pool(line: Sequence[object], runs: pd.DataFrame) -> _Pooled:
    """Join the folds of every seed; of several runs of one fold and seed the latest counts."""
    shared = dict(zip(LINE, line, strict=True))
    known = runs[runs["answered"].notna()].sort_values(["started"], kind="stable")
    known = known.drop_duplicates(["seed", "fold"], keep="last").sort_values(["seed", "fold"])
    counts = known.groupby("seed")["fold"].size()
    whole = [found for _, found in known.groupby("seed") if len(found) == shared["folds"]]
    return _Pooled(
        name=str(shared["name"]),
        steps=int(str(shared["steps"])),
        folds=int(float(str(shared["folds"]))),
        most=int(counts.max()) if len(counts) else 0,
        seeds=tuple(_joined(list(found["answered"])) for found in whole),
        first=tuple(whole[0]["record"]) if whole else (),
    )


def _joined(parts: Sequence[ImageIous]) -> ImageIous:
    ids = tuple(name for part in parts for name in part.ids)
    groups = tuple(group for part in parts for group in part.groups)
    return ImageIous(ids, groups, np.concatenate([part.ious for part in parts]))


def _of_data(where: str, pooled: Sequence[_Pooled]) -> Iterator[tuple[str, ...]]:
    first = next((found for found in pooled if found.seeds), None)
    for found in pooled:
        if found.seeds:
            yield (where, *_line(found, first))
        else:
            have = f"{found.most} of {found.folds}"
            yield (where, found.name, str(found.steps), have, *[MISSING] * (len(HEADER) - 4))
    if first is not None:
        for stage, name in BOXES.items():
            values = [_box(stage, metric, first.first) for metric in METRICS]
            cells = (str(Cell(() if value is None else (value,))) for value in values)
            yield (where, name, *[MISSING] * 3, *cells, *[MISSING] * 2)


def _line(pooled: _Pooled, first: _Pooled | None) -> tuple[str, ...]:
    images = pooled.seeds[0]
    cells = [str(Cell(tuple(float(ious.scores(metric).mean()) for ious in pooled.seeds))) for metric in METRICS]
    against = MISSING
    if first is not None and first is not pooled and first.seeds[0].ids == images.ids:
        against = _over_images(first.hits - pooled.hits, images.groups, sign="+")
    numbers = (str(pooled.steps), str(pooled.folds), str(len(images.ids)))
    return (pooled.name, *numbers, *cells, _over_images(pooled.hits, images.groups), against)


def _over_images(scores: Array, groups: Sequence[str], sign: str = "-") -> str:
    interval = cluster_bootstrap(scores, groups)
    ends = f" ({interval.low:{sign}.1f} to {interval.high:{sign}.1f})" if interval else ""
    return f"{scores.mean():{sign}.1f}{ends}"


def _box(stage: str, metric: str, folds: Sequence[Record]) -> float | None:
    """Score the constant boxes of the folds, each found on its own training images, as one; None where one lacks."""
    scores = [measured(record).get(stage, {}) for record in folds]
    if any(found.get(metric) is None for found in scores):
        return None
    return float(sum(found["n"] * found[metric] for found in scores) / sum(found["n"] for found in scores))
