"""One comparison of a claim: measured over the seeds of our runs, and judged."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medloc.report.claims.read import Claim, ClaimList, Comparison, RowName
from medloc.report.stats import (
    Interval,
    cluster_bootstrap,
    paired_t_test,
    sample_sd,
    sd_ratio_interval,
    seed_differences,
    t_interval,
)
from medloc.runs.record import CurvePoint

HOLDS, FAILS, UNDECIDED, MISSING = "holds", "fails", "undecided", "missing"
HALF = 50.0  # percent; "overlapping" is compared with one half
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
    """The part of `medloc.report.values.Values` that claims are judged by."""

    def seeds(self, experiment: str, row: str, dataset: str, metric: str) -> dict[int, float]:
        """Return seed -> fraction; {} where nothing ran."""

    def images(self, experiment: str, row: str, dataset: str, seed: int) -> Images | None:
        """Return the overlaps on the test images of one run."""

    def curve(self, experiment: str, row: str, dataset: str, seed: int) -> list[CurvePoint]:
        """Return the evaluations along a run."""

    def series(self, experiment: str, row: str, dataset: str, seed: int) -> Mapping[str, list[Any]] | None:
        """Return the per-step lists of a run by their names in the trace."""


@dataclass(frozen=True)
class Verdict:
    """What runs say about one comparison.

    Attributes:
        claim: The claim it belongs to.
        comparison: What is compared; None for a claim that is not testable here.
        word: "holds" (the whole 95 % interval on the claimed side), "fails" (on the other side), "undecided",
            "missing" (a row has no value) or "not testable here".
        rows: The rows that were judged for subject and object: the stronger one where a row has several versions.
        difference: Subject minus object in points; for "more stable" the object's standard deviation divided by the
            subject's; None where there is none.
        interval: Its 95 % interval, where N allows one.
        n: Number of seeds; of the row that has fewer where they are not paired.
        p: Two-tailed p-value of the paired t-test of the difference against the margin; None where there is none.
        note: What else a reader must know.
        fills: The experiments to run where a row is missing.
    """

    claim: Claim
    comparison: Comparison | None
    word: str
    rows: tuple[RowName, ...] = ()
    difference: float | None = None
    interval: Interval | None = None
    n: int = 0
    p: float | None = None
    note: str = ""
    fills: tuple[str, ...] = ()


def measure(values: Evidence, row: RowName, comparison: Comparison) -> dict[int, float]:
    """Return seed -> the quantity that the comparison's relation compares, in percent; {} where nothing ran.

    Accuracy for "greater", "similar" and "more stable"; the difference of two accuracies for "larger gain"; mean
    accuracy along training for "faster"; mean reward, or share of groups whose rewards differ, for "denser"; share of
    failed answers that overlap the true box for "overlapping".
    """
    place = (*row, comparison.dataset)
    if comparison.relation in PER_RUN:
        seeds = sorted(values.seeds(*place, "a50"))
        runs = {seed: PER_RUN[comparison.relation](values, (*place, seed), comparison) for seed in seeds}
        return {seed: 100 * value for seed, value in runs.items() if value is not None}
    percent = _percent(values, row, comparison, comparison.metric)
    if comparison.relation != "larger gain":
        return percent
    other = _percent(values, row, comparison, comparison.than_metric)
    return {seed: value - other[seed] for seed, value in percent.items() if seed in other}


def strength(values: Evidence, row: RowName, comparison: Comparison) -> float | None:
    """Return by what the stronger of two versions of a row is found; None where nothing ran."""
    if comparison.relation == "larger gain":
        found = _percent(values, row, comparison, comparison.metric)
    else:
        found = measure(values, row, comparison)
    return _mean(found) if found else None


def _percent(values: Evidence, row: RowName, comparison: Comparison, metric: str) -> dict[int, float]:
    return {seed: 100 * value for seed, value in values.seeds(*row, comparison.dataset, metric).items()}


def area(curve: Sequence[CurvePoint], metric: str) -> float | None:
    """Return the area under an evaluation curve divided by its length, in [0, 1]; None for less than two steps.

    Straight lines join the points, and steps count by their distance.
    """
    points = sorted((point["step"], point[metric]) for point in curve)  # type: ignore[literal-required]
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return None
    steps, accuracies = zip(*points, strict=True)
    return float(np.trapezoid(accuracies, steps)) / (steps[-1] - steps[0])


Run = tuple[str, str, str, int]
"""Experiment, row, data set and seed."""


def _area(values: Evidence, run: Run, comparison: Comparison) -> float | None:
    return area(values.curve(*run), comparison.metric)


def _density(values: Evidence, run: Run, comparison: Comparison) -> float | None:
    """Return the mean reward, or the share of groups with an advantage: one minus the stored series `dead`."""
    column = (values.series(*run) or {}).get("dead" if comparison.metric == "live" else "reward")
    if not column:
        return None
    mean = float(np.mean(column[: math.ceil(comparison.until * len(column))]))
    return 1 - mean if comparison.metric == "live" else mean


def _overlap(values: Evidence, run: Run, comparison: Comparison) -> float | None:
    images = values.images(*run)
    failed = images.ious[images.ious < FAILED_BELOW] if images else np.array([])
    return float(np.mean(failed > 0)) if len(failed) else None


PER_RUN: dict[str, Callable[[Evidence, Run, Comparison], float | None]] = {
    "faster": _area,
    "denser": _density,
    "overlapping": _overlap,
}
"""Relation -> what it measures of one run, in [0, 1]; the other relations compare accuracies."""


def judge(claim: Claim, comparison: Comparison, listed: ClaimList, values: Evidence) -> Verdict:
    """Hold one comparison against the values.

    A row without training has one value, which is used for every seed. Two such rows have no seeds: their interval is
    over test images, resampled by lesion or patient.
    """
    wanted = [row for row in (comparison.subject, comparison.object) if row]
    chosen = [_stronger(row, comparison, listed, values) for row in wanted]
    lacking = [row.experiment for row, choice in zip(wanted, chosen, strict=True) if choice is None]
    if lacking:
        return Verdict(claim, comparison, MISSING, fills=tuple(dict.fromkeys(lacking)))
    rows = tuple(row for row in chosen if row)
    measured = [measure(values, row, comparison) for row in rows]
    untrained = [row.name in listed.untrained for row in rows]
    if comparison.relation == "more stable":
        found = _by_spread(measured)
    elif all(untrained):
        found = _by_images(comparison, rows, measured, values)
    else:
        found = _by_seeds(comparison, *_over_seeds(measured, untrained))
    return Verdict(claim, comparison, rows=rows, **found)


def _stronger(row: RowName, comparison: Comparison, listed: ClaimList, values: Evidence) -> RowName | None:
    """Return the version of a row with the highest mean; None while one of them has no value."""
    versions = [RowName(row.experiment, name) for name in listed.versions.get(row.name, (row.name,))]
    found = [(strength(values, version, comparison), version) for version in versions]
    known = [(value, version) for value, version in found if value is not None]
    return max(known, key=lambda pair: pair[0])[1] if len(known) == len(versions) else None


def _over_seeds(measured: list[dict[int, float]], untrained: list[bool]) -> tuple[dict[int, float], dict[int, float]]:
    """Return both sides over seeds; a value without seeds (untrained, one half) is repeated for those of the other."""
    if len(measured) == 1:
        return measured[0], dict.fromkeys(measured[0], HALF)
    first, second = measured
    if untrained[0]:
        return dict.fromkeys(second, _mean(first)), second
    if untrained[1]:
        return first, dict.fromkeys(first, _mean(second))
    return first, second


def _by_seeds(comparison: Comparison, first: dict[int, float], second: dict[int, float]) -> dict[str, Any]:
    differences = seed_differences(first, second)
    points = list(differences.values())
    if not points:
        return {"word": UNDECIDED, "note": "no seed is common to both"}
    found = {"difference": float(np.mean(points)), "n": len(points)}
    equal = len(points) > 1 and len(set(points)) == 1
    if equal and points[0] != 0:
        return {"word": UNDECIDED, "note": "all differences are equal, which leaves no spread to judge by", **found}
    note = "the rows are equal at every seed" if equal else ""
    interval = t_interval(points)
    test = paired_t_test(differences, dict.fromkeys(differences, comparison.margin))
    p = test.p if test and comparison.relation != "similar" else None
    return {"word": _word(comparison, interval), "interval": interval, "p": p, "note": note, **found}


def _by_images(
    comparison: Comparison, rows: tuple[RowName, ...], measured: list[dict[int, float]], values: Evidence
) -> dict[str, Any]:
    difference = _mean(measured[0]) - _mean(measured[1])
    seeds = [min(found) for found in measured]
    first, second = (values.images(*row, comparison.dataset, seed) for row, seed in zip(rows, seeds, strict=True))
    interval, note = None, "no seed moves either row"
    if first is not None and second is not None and tuple(first.ids) == tuple(second.ids):
        points = 100 * (first.scores(comparison.metric) - second.scores(comparison.metric))
        difference, interval = float(points.mean()), cluster_bootstrap(points, first.groups)
        note = f"{note}; interval over test images"
    word = _word(comparison, interval)
    return {"word": word, "difference": difference, "interval": interval, "n": 1, "note": note}


def _by_spread(measured: list[dict[int, float]]) -> dict[str, Any]:
    """Compare standard deviations over seeds by the F distribution: three seeds a side need a ratio above 6.24."""
    first, second = (list(found.values()) for found in measured)
    n, sds = min(len(first), len(second)), (sample_sd(first), sample_sd(second))
    interval = sd_ratio_interval(first, second)
    if interval is None or not sds[0] or not sds[1]:
        note = "all values of a row are equal, which leaves no spread to judge by" if n > 1 else ""
        return {"word": UNDECIDED, "n": n, "note": note}
    word = HOLDS if interval.low > 1 else FAILS if interval.high < 1 else UNDECIDED
    return {"word": word, "difference": sds[1] / sds[0], "interval": interval, "n": n, "note": "ratio of sds"}


def _word(comparison: Comparison, interval: Interval | None) -> str:
    if interval is None:
        return UNDECIDED
    margin = comparison.margin
    if comparison.relation == "similar":
        inside = -margin <= interval.low and interval.high <= margin
        return HOLDS if inside else FAILS if interval.low > margin or interval.high < -margin else UNDECIDED
    return HOLDS if interval.low > margin else FAILS if interval.high < margin else UNDECIDED


def _mean(found: Mapping[int, float]) -> float:
    return float(np.mean(list(found.values())))
