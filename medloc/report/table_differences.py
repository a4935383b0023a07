"""One row minus another: the paper's t-test over equal seeds, and beside it what so few seeds can say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from medloc.report.cells import Delta
from medloc.report.image_ious import Array, ImageIous
from medloc.report.paper import PaperDifference, PaperTable
from medloc.report.stats import (
    Interval,
    cluster_bootstrap,
    holm,
    paired_t_test,
    sample_sd,
    seed_differences,
    sign_flip_test,
    t_interval,
)
from medloc.report.values import Values


class Pair(NamedTuple):
    """A difference that a table asks for.

    Attributes:
        name: Of its Δ row.
        minuend: Row from which is subtracted.
        subtrahend: Row that is subtracted.
        printed: The paper's name of this difference; "" for one that is ours.
    """

    name: str
    minuend: str
    subtrahend: str
    printed: str = ""


@dataclass(frozen=True)
class OverImages:
    """The difference as the test images see it, the seeds held fixed.

    Attributes:
        difference: Mean over seeds and images, in percentage points.
        interval: 95 % bootstrap interval over lesions or patients; None where there is only one.
        images: Number of images.
        groups: Number of lesions or patients.
    """

    difference: float
    interval: Interval | None
    images: int
    groups: int


@dataclass(frozen=True)
class Comparison:
    """A difference of two rows at one place, in percentage points.

    Attributes:
        name: Of its Δ row.
        dataset: As a record names it.
        metric: Likewise.
        delta: Mean over the seeds that both have, with the stars of the t-test.
        p: Two-tailed p-value of the paired t-test; None below two seeds and where all differences are equal.
        interval: 95 % t-interval; None below two seeds.
        flip_p: p-value of the exact sign-flip test; None below two seeds.
        holm_p: p after Holm's correction over all differences of the table.
        over_images: What the images say; None where they are not at hand.
        paper: The paper's difference and stars; None where it prints none.
    """

    name: str
    dataset: str
    metric: str
    delta: Delta
    p: float | None
    interval: Interval | None
    flip_p: float | None
    over_images: OverImages | None
    paper: PaperDifference | None
    holm_p: float | None = None


def compare(
    values: Values, experiment: str, pairs: Iterable[Pair], metrics: Sequence[str], paper: PaperTable | None
) -> list[Comparison]:
    """Return every pair on every data set of both rows and every metric, corrected together."""
    datasets = {row.name: row.datasets for row in values.rows(experiment)}
    found = [
        _comparison(values, experiment, pair, dataset, metric, paper)
        for pair in pairs
        for dataset in datasets.get(pair.minuend, ())
        if dataset in datasets.get(pair.subtrahend, ())
        for metric in metrics
    ]
    return _corrected(found)


def _comparison(
    values: Values, experiment: str, pair: Pair, dataset: str, metric: str, paper: PaperTable | None
) -> Comparison:
    first, second = (_percent(values, experiment, row, dataset, metric) for row in (pair.minuend, pair.subtrahend))
    differences = seed_differences(first, second)
    found, test = list(differences.values()), paired_t_test(first, second)
    printed = paper.differences.get(pair.printed, {}).get(dataset, {}) if paper else {}
    return Comparison(
        name=pair.name,
        dataset=dataset,
        metric=metric,
        delta=Delta(test.difference, sample_sd(found), test.n, test.stars) if test else Delta(),
        p=test.p if test else None,
        interval=t_interval(found),
        flip_p=sign_flip_test(found) if len(found) > 1 else None,
        over_images=_over_images(values, experiment, pair, dataset, metric, list(differences)),
        paper=printed.get(metric),
    )


def _percent(values: Values, experiment: str, row: str, dataset: str, metric: str) -> dict[int, float]:
    return {seed: 100 * value for seed, value in values.seeds(experiment, row, dataset, metric).items()}


def _over_images(
    values: Values, experiment: str, pair: Pair, dataset: str, metric: str, seeds: Iterable[int]
) -> OverImages | None:
    """Pair the images of the seeds of which both runs have them; None without such a seed."""
    rows: list[Array] = []
    shown: ImageIous | None = None
    for seed in seeds:
        first, second = (values.images(experiment, row, dataset, seed) for row in (pair.minuend, pair.subtrahend))
        if first is not None and second is not None and first.ids == second.ids:
            rows.append(100 * (first.scores(metric) - second.scores(metric)))
            shown = first
    if shown is None:
        return None
    interval = cluster_bootstrap(rows, shown.groups)
    return OverImages(float(np.mean(rows)), interval, len(shown.ids), len(set(shown.groups)))


def _corrected(found: Sequence[Comparison]) -> list[Comparison]:
    adjusted = iter(holm([one.p for one in found if one.p is not None]))
    return [one if one.p is None else replace(one, holm_p=next(adjusted)) for one in found]
