"""What a claim compares, measured: one number per seed, in percent, from the values of one group of runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medloc.report.claim_list import Comparison, RowName
from medloc.runs.record import CurvePoint

FAILED_BELOW = 0.5  # the IoU of A@0.5, below which an answer is a failure


class Images(Protocol):
    """The overlap on every test image of a run, in test order."""

    @property
    def ids(self) -> Sequence[str]:
        """Name of each image."""

    @property
    def groups(self) -> Sequence[str]:
        """Lesion or patient of each image."""

    @property
    def ious(self) -> npt.NDArray[np.float64]:
        """Overlap with the true box, in [0, 1]."""

    def scores(self, metric: str) -> npt.NDArray[np.float64]:
        """Return what each image adds to a metric, in [0, 1]."""


class Evidence(Protocol):
    """What `medloc.report.values.Values` says about the rows of an experiment."""

    def seeds(self, experiment: str, row: str, dataset: str, metric: str) -> dict[int, float]:
        """Return seed -> fraction; {} where nothing ran."""

    def images(self, experiment: str, row: str, dataset: str, seed: int) -> Images | None:
        """Return the overlaps on the test images of one run."""

    def curve(self, experiment: str, row: str, dataset: str, seed: int) -> list[CurvePoint]:
        """Return the evaluations along a run."""

    def series(self, experiment: str, row: str, dataset: str, seed: int) -> Mapping[str, list[Any]] | None:
        """Return the per-step lists of a run by their names in the trace."""


def measure(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    """Return seed -> what the comparison's relation compares, in percent; {} where nothing ran.

    Accuracy for "greater", "similar" and "more stable"; the difference of two accuracies for "larger gain"; mean
    accuracy along training for "faster"; mean reward, or share of groups whose rewards differ, for "denser"; share of
    failed answers that overlap the true box for "overlapping".
    """
    return MEASURES[comparison.relation](values, row, comparison)


def strength(values: Evidence, row: RowName, comparison: Comparison) -> float | None:
    """Return by what the stronger of two versions of a row is found; None where nothing ran."""
    found = (
        _accuracy(values, row, comparison) if comparison.relation == "larger gain" else measure(values, row, comparison)
    )
    return float(np.mean(list(found.values()))) if found else None


def area(curve: Sequence[CurvePoint], metric: str) -> float | None:
    """Return the area under an evaluation curve divided by its length, in [0, 1]; None for less than two steps.

    Straight lines join the points, and steps count by their distance.
    """
    points = sorted((point["step"], point[metric]) for point in curve)  # type: ignore[literal-required]
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return None
    steps, accuracies = zip(*points, strict=True)
    return float(np.trapezoid(accuracies, steps)) / (steps[-1] - steps[0])


def _accuracy(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    return _percent(values.seeds(*row, comparison.dataset, comparison.metric))


def _gain(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    other = _percent(values.seeds(*row, comparison.dataset, comparison.than_metric))
    return {seed: value - other[seed] for seed, value in _accuracy(values, row, comparison).items() if seed in other}


def _area(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    def one(seed: int) -> float | None:
        return area(values.curve(*row, comparison.dataset, seed), comparison.metric)

    return _each_seed(values, row, comparison, one)


def _density(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    def one(seed: int) -> float | None:
        series = values.series(*row, comparison.dataset, seed)
        name = {"reward": "reward", "live": "dead"}[comparison.metric]
        if not series or not series.get(name):
            return None
        steps = series[name][: math.ceil(comparison.until * len(series[name]))]
        mean = float(np.mean(steps))
        return 1 - mean if comparison.metric == "live" else mean

    return _each_seed(values, row, comparison, one)


def _overlap(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    def one(seed: int) -> float | None:
        images = values.images(*row, comparison.dataset, seed)
        failed = images.ious[images.ious < FAILED_BELOW] if images else np.array([])
        return float(np.mean(failed > 0)) if len(failed) else None

    return _each_seed(values, row, comparison, one)


def _each_seed(
    values: Evidence, row: RowName, comparison: Comparison, one: Callable[[int], float | None]
) -> dict[int, float]:
    found = {seed: one(seed) for seed in sorted(values.seeds(*row, comparison.dataset, "a50"))}
    return _percent({seed: value for seed, value in found.items() if value is not None})


def _percent(fractions: Mapping[int, float]) -> dict[int, float]:
    return {seed: 100 * fraction for seed, fraction in fractions.items()}


MEASURES: dict[str, Callable[[Evidence, RowName, Comparison], dict[int, float]]] = {
    "greater": _accuracy,
    "similar": _accuracy,
    "more stable": _accuracy,
    "larger gain": _gain,
    "faster": _area,
    "denser": _density,
    "overlapping": _overlap,
}
