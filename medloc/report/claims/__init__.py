"""The claims ledger: each claim of the paper (`read`), judged by the runs of one group, as tables."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from medloc.report.claims.read import (
    UNTESTABLE,
    Claim,
    ClaimList,
    Comparison,
    RowName,
    paper_claims,
    printed_difference,
)
from medloc.report.frame import DATASETS
from medloc.report.stats import (
    Interval,
    cluster_bootstrap,
    holm,
    paired_t_test,
    sample_sd,
    sd_ratio_interval,
    seed_differences,
    t_interval,
)
from medloc.report.tables.table import TextTable
from medloc.report.values import Values
from medloc.runs.record import CurvePoint

HOLDS, FAILS, UNDECIDED, MISSING = "holds", "fails", "undecided", "missing"
WORDS = (HOLDS, FAILS, UNDECIDED, MISSING, UNTESTABLE)
NO_SPREAD = "all {} are equal, which leaves no spread to judge by"
HALF = 50.0  # percent; "overlapping" is compared with one half
FAILED_BELOW = 0.5  # the IoU of A@0.5, below which an answer is a failure
METRIC_NAMES = {
    "a50": "A@0.5",
    "a80": "A@0.8",
    "map": "mAP",
    "mean_iou": "mean IoU",
    "reward": "mean reward",
    "live": "groups with an advantage",
    "overlap": "failures that overlap",
}
SIGNS = {"similar": "≈", "faster": "faster than", "more stable": "more stable than", "denser": "denser than"}


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


def measure(values: Values, row: RowName, comparison: Comparison) -> dict[int, float]:
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


def _percent(values: Values, row: RowName, comparison: Comparison, metric: str) -> dict[int, float]:
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


def _area(values: Values, run: Run, comparison: Comparison) -> float | None:
    return area(values.curve(*run), comparison.metric)


def _density(values: Values, run: Run, comparison: Comparison) -> float | None:
    """Return the mean reward, or the share of groups with an advantage: one minus the stored series `dead`."""
    column = (values.series(*run) or {}).get("dead" if comparison.metric == "live" else "reward")
    if not column:
        return None
    mean = float(np.mean(column[: math.ceil(comparison.until * len(column))]))
    return 1 - mean if comparison.metric == "live" else mean


def _overlap(values: Values, run: Run, comparison: Comparison) -> float | None:
    images = values.images(*run)
    failed = images.ious[images.ious < FAILED_BELOW] if images else np.array([])
    return float(np.mean(failed > 0)) if len(failed) else None


PER_RUN: dict[str, Callable[[Values, Run, Comparison], float | None]] = {
    "faster": _area,
    "denser": _density,
    "overlapping": _overlap,
}
"""Relation -> what it measures of one run, in [0, 1]; the other relations compare accuracies."""


def judge(claim: Claim, comparison: Comparison, listed: ClaimList, values: Values) -> Verdict:
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
        found = _by_spread(comparison.relation, measured)
    elif all(untrained):
        found = _by_images(comparison, rows, measured, values)
    else:
        found = _by_seeds(comparison, *_over_seeds(measured, untrained))
    return Verdict(claim, comparison, rows=rows, **found)


def _stronger(row: RowName, comparison: Comparison, listed: ClaimList, values: Values) -> RowName | None:
    """Return the version of a row with the highest mean; None while one of them has no value."""
    if comparison.relation == "larger gain":  # the stronger is the one with the higher accuracy
        comparison = replace(comparison, relation="greater")
    versions = [RowName(row.experiment, name) for name in listed.versions.get(row.name, (row.name,))]
    found = {version: measure(values, version, comparison) for version in versions}
    return max(versions, key=lambda version: _mean(found[version])) if all(found.values()) else None


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
        return {"word": UNDECIDED, "note": NO_SPREAD.format("differences"), **found}
    note = "the rows are equal at every seed" if equal else ""
    interval = t_interval(points)
    test = paired_t_test(differences, dict.fromkeys(differences, comparison.margin))
    p = test.p if test and comparison.relation != "similar" else None
    word = _word(comparison.relation, comparison.margin, interval)
    return {"word": word, "interval": interval, "p": p, "note": note, **found}


def _by_images(
    comparison: Comparison, rows: tuple[RowName, ...], measured: list[dict[int, float]], values: Values
) -> dict[str, Any]:
    difference = _mean(measured[0]) - _mean(measured[1])
    seeds = [min(found) for found in measured]
    first, second = (values.images(*row, comparison.dataset, seed) for row, seed in zip(rows, seeds, strict=True))
    interval, note = None, "no seed moves either row"
    if first is not None and second is not None and tuple(first.ids) == tuple(second.ids):
        points = 100 * (first.scores(comparison.metric) - second.scores(comparison.metric))
        difference, interval = float(points.mean()), cluster_bootstrap(points, first.groups)
        note = f"{note}; interval over test images"
    word = _word(comparison.relation, comparison.margin, interval)
    return {"word": word, "difference": difference, "interval": interval, "n": 1, "note": note}


def _by_spread(relation: str, measured: list[dict[int, float]]) -> dict[str, Any]:
    """Compare standard deviations over seeds by the F distribution: three seeds a side need a ratio above 6.24."""
    first, second = (list(found.values()) for found in measured)
    n, sds = min(len(first), len(second)), (sample_sd(first), sample_sd(second))
    interval = sd_ratio_interval(first, second)
    if not sds[0] or not sds[1]:
        return {"word": UNDECIDED, "n": n, "note": NO_SPREAD.format("values of a row") if n > 1 else ""}
    word = _word(relation, 1.0, interval)
    return {"word": word, "difference": sds[1] / sds[0], "interval": interval, "n": n, "note": "ratio of sds"}


def _word(relation: str, margin: float, interval: Interval | None) -> str:
    """Say where an interval lies: beyond the margin, or within it on both sides where the rows must be similar."""
    if interval is None:
        return UNDECIDED
    if relation == "similar":
        inside = -margin <= interval.low and interval.high <= margin
        return HOLDS if inside else FAILS if interval.low > margin or interval.high < -margin else UNDECIDED
    return HOLDS if interval.low > margin else FAILS if interval.high < margin else UNDECIDED


def _mean(found: Mapping[int, float]) -> float:
    return float(np.mean(list(found.values())))


def judge_claims(values: Values) -> list[Verdict]:
    """Judge every claim by the values of one group: one verdict per comparison, in the order of `claims.yaml`."""
    listed = paper_claims()
    judged: dict[Comparison, Verdict] = {}  # several sentences make the same comparison
    verdicts = []
    for claim in listed.claims:
        for comparison in claim.comparisons:
            if comparison not in judged:
                judged[comparison] = judge(claim, comparison, listed, values)
            verdicts.append(replace(judged[comparison], claim=claim))
        if not claim.comparisons:
            verdicts.append(Verdict(claim, None, UNTESTABLE, note=claim.reason))
    return verdicts


def claim_word(verdicts: Sequence[Verdict]) -> str:
    """Return the word for a claim from all its comparisons.

    It holds if all of them do, and fails if any does; it is missing while all of them are, and undecided otherwise.
    """
    words = {verdict.word for verdict in verdicts}
    if len(words) == 1:
        return words.pop()
    return FAILS if FAILS in words else UNDECIDED


def claims_table(verdicts: Iterable[Verdict], label: str) -> TextTable:
    """Return one row per claim: its word, and the verdicts on its comparisons counted.

    Of the comparisons that fail, those are counted again whose p-value survives Holm's correction.

    Args:
        verdicts: Of `judge_claims`.
        label: Which runs these are: "phantom data, tiny models, train=tiny, 250 steps".
    """
    rows = []
    for claim, members in _by_claim(verdicts):
        said = claim.quote if claim.relation == "as printed" else f"“{claim.quote}”"
        counts = Counter(verdict.word for verdict, _ in members)
        failing = [p for verdict, p in members if verdict.word == FAILS and p is not None]
        sure = f" ({sum(p < 0.05 for p in failing)} after Holm)" if failing and len(members) > 1 else ""
        parts = [f"{counts[word]} {word}{sure if word == FAILS else ''}" for word in WORDS if counts[word]]
        fills = dict.fromkeys(name for verdict, _ in members for name in verdict.fills)
        command = [f"python -m medloc.reproduce {' '.join(fills)}"] if fills else []
        summary = "; ".join([f"{len(members)}: {', '.join(parts)}", *command]) if claim.comparisons else claim.reason
        rows.append((claim.place, said, claim.reading, claim_word([verdict for verdict, _ in members]), summary))
    heading = f"Claims of the paper, held against {label}"
    return TextTable(heading, ("Place", "The paper says", "Read as", "Verdict", "Comparisons"), tuple(rows))


def comparisons_table(verdicts: Iterable[Verdict], label: str) -> TextTable:
    """Return one row per comparison of the claims that are testable here, arguments as in `claims_table`."""
    rows = []
    for claim, members in _by_claim(verdicts):
        for verdict, p in members if claim.comparisons else ():
            rows.append((claim.id, *_comparison_row(verdict, p)))
    heading = f"Claims of the paper, comparison by comparison, held against {label}"
    titles = ("Claim", "Comparison", "Data set", "Paper", "Ours", "95 % interval", "N", "p (Holm)", "Verdict", "Note")
    return TextTable(heading, titles, tuple(rows))


def _by_claim(verdicts: Iterable[Verdict]) -> Iterator[tuple[Claim, list[tuple[Verdict, float | None]]]]:
    """Yield each claim with its verdicts, and their p-values after Holm's correction over all its comparisons."""
    for claim, found in groupby(verdicts, lambda verdict: verdict.claim):
        members = list(found)
        yield claim, list(zip(members, holm([verdict.p for verdict in members]), strict=True))


def _comparison_row(verdict: Verdict, p: float | None) -> tuple[str, ...]:
    comparison, interval = verdict.comparison, verdict.interval
    assert comparison is not None
    printed = printed_difference(comparison)
    ratio = comparison.relation == "more stable"
    commands = (f"python -m medloc.reproduce {name}" for name in verdict.fills)
    return (
        _sentence(comparison, verdict),
        DATASETS[comparison.dataset],
        _number(printed),
        _number(verdict.difference, ratio),
        f"{_number(interval.low, ratio)} to {_number(interval.high, ratio)}" if interval else "-",
        str(verdict.n or "-"),
        "-" if p is None else f"{p:.4f}",
        verdict.word,
        "; ".join(filter(None, [verdict.note, *commands])),
    )


def _sentence(comparison: Comparison, verdict: Verdict) -> str:
    """Name both sides of a comparison, by the rows that were judged where there are any."""
    names = [str(row) for row in verdict.rows or (comparison.subject, comparison.object) if row]
    metric = METRIC_NAMES[comparison.metric]
    if comparison.relation == "overlapping":
        return f"{metric}: {names[0]} > 50 %"
    if comparison.relation == "larger gain":
        metric = f"gain at {metric} over that at {METRIC_NAMES[comparison.than_metric]}"
    margin = f" by {comparison.margin:+g}" if comparison.relation == "greater" and comparison.margin else ""
    return f"{metric}: {names[0]} {SIGNS.get(comparison.relation, '>')} {names[1]}{margin}"


def _number(value: float | None, ratio: bool = False) -> str:
    if value is None:
        return "-"
    return f"× {value:.2f}" if ratio else f"{value:+.2f}"
