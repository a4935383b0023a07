"""Cross-validation: the test parts of all folds as one set, every image answered by a model that never saw it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medloc.report.frame import FOLD, measured, runs_frame
from medloc.report.runs import Array, ImageIous, image_counts, published_ious, read_image_ious
from medloc.report.stats import cluster_bootstrap
from medloc.report.tables.table import MISSING, TextTable, mean_text
from medloc.runs import Record

METRICS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP", "mean_iou": "mean IoU"}
HEADER = ("Data", "Row", "Steps", "Folds", "Images", *METRICS.values(), "A@0.5 over images", "First row minus this")
BOXES = {"best_box": "Best constant box", "median_box": "Median constant box"}
READING = (
    "the test parts of all folds scored as one set, in percent, mean ± standard deviation over seeds (N); behind them "
    "A@0.5 and the first row's difference from it, seeds held fixed, with 95 % bootstrap intervals over lesions or "
    "patients"
)
LINE = ["untrained", "name", "steps", "folds"]
"""The columns that the runs of one line of a data set share, in the order of printing: those that train first."""


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
        lines += ((str(where), *line) for line in _of_data(members))
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
        folds=runs["folds"].astype(int),
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
    return published_ious(record, counted.order) if counted else None


def _of_data(runs: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield the lines of one data set, and behind them its constant boxes.

    The folds of every seed that has all are joined; of several runs of one fold and seed the latest counts.
    """
    first: tuple[Array, ImageIous] | None = None  # of the first line that has all folds of a seed
    boxes: list[Record] = []
    line: Any
    for line, members in runs.groupby(LINE):
        _, name, steps, folds = line
        known = members[members["answered"].notna()].sort_values(["started"], kind="stable")
        known = known.drop_duplicates(["seed", "fold"], keep="last").sort_values(["seed", "fold"])
        by_seed = [found for _, found in known.groupby("seed")]
        whole = [found for found in by_seed if len(found) == folds]
        if not whole:
            most = max(map(len, by_seed), default=0)
            yield (name, str(steps), f"{most} of {folds}", *[MISSING] * (len(HEADER) - 4))
            continue
        seeds = [_joined(list(found["answered"])) for found in whole]
        hits: Array = 100 * np.mean([ious.scores("a50") for ious in seeds], axis=0)
        cells = [mean_text([float(ious.scores(metric).mean()) for ious in seeds]) for metric in METRICS]
        images, against = seeds[0], MISSING
        if first is None:
            first, boxes = (hits, images), list(whole[0]["record"])
        elif first[1].ids == images.ids:
            against = _over_images(first[0] - hits, images.groups, sign="+")
        counts = (str(steps), str(folds), str(len(images.ids)))
        yield (name, *counts, *cells, _over_images(hits, images.groups), against)
    for stage, name in BOXES.items() if boxes else ():
        values = (_box(stage, metric, boxes) for metric in METRICS)
        yield (name, *[MISSING] * 3, *(mean_text([] if value is None else [value]) for value in values), *[MISSING] * 2)


def _joined(parts: Sequence[ImageIous]) -> ImageIous:
    ids = tuple(name for part in parts for name in part.ids)
    groups = tuple(group for part in parts for group in part.groups)
    return ImageIous(ids, groups, np.concatenate([part.ious for part in parts]))


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
