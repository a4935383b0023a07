"""One row minus another: the paper's t-test over equal seeds, and beside it what so few seeds can say."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from medloc.report.paper import PaperTable
from medloc.report.runs import Array, ImageIous
from medloc.report.stats import (
    cluster_bootstrap,
    holm,
    paired_t_test,
    sample_sd,
    seed_differences,
    sign_flip_test,
    t_interval,
)
from medloc.report.tables.table import Comparison, Delta, OverImages, Pair
from medloc.report.values import Values


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
        flip=sign_flip_test(found),
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
