"""The claims ledger: each claim of the paper (`read`), judged by our runs (`verdict`), as tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from medloc.report.claims.read import UNTESTABLE, Comparison, paper_claims, printed_difference
from medloc.report.claims.verdict import FAILS, HOLDS, MISSING, UNDECIDED, Evidence, Verdict, judge
from medloc.report.groups import DATASETS
from medloc.report.stats import holm
from medloc.report.tables.table import TextTable

WORDS = (HOLDS, FAILS, UNDECIDED, MISSING, UNTESTABLE)
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


def judge_claims(values: Evidence) -> list[Verdict]:
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


def adjusted(verdicts: Sequence[Verdict]) -> list[float | None]:
    """Return the p-values of one claim after Holm's correction over all its comparisons that have one."""
    corrected = iter(holm([verdict.p for verdict in verdicts if verdict.p is not None]))
    return [None if verdict.p is None else next(corrected) for verdict in verdicts]


def claims_table(verdicts: Iterable[Verdict], label: str) -> TextTable:
    """Return one row per claim.

    Args:
        verdicts: Of `judge_claims`.
        label: Which runs these are: "phantom data, tiny models, train=tiny, 250 steps".
    """
    rows = [_claim_row(list(found)) for _, found in groupby(verdicts, lambda verdict: verdict.claim)]
    heading = f"Claims of the paper, held against {label}"
    return TextTable(heading, ("Place", "The paper says", "Read as", "Verdict", "Comparisons"), tuple(rows))


def comparisons_table(verdicts: Iterable[Verdict], label: str) -> TextTable:
    """Return one row per comparison of the claims that are testable here, arguments as in `claims_table`."""
    rows: list[tuple[str, ...]] = []
    for claim, found in groupby(verdicts, lambda verdict: verdict.claim):
        members = list(found)
        for verdict, p in zip(members, adjusted(members), strict=True):
            if verdict.comparison:
                rows.append((claim.id, *_comparison_row(verdict, verdict.comparison, p)))
    heading = f"Claims of the paper, comparison by comparison, held against {label}"
    titles = ("Claim", "Comparison", "Data set", "Paper", "Ours", "95 % interval", "N", "p (Holm)", "Verdict", "Note")
    return TextTable(heading, titles, tuple(rows))


def _claim_row(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    claim, word = verdicts[0].claim, claim_word(verdicts)
    said = claim.quote if claim.relation == "as printed" else f"“{claim.quote}”"
    return claim.place, said, claim.reading, word, _summary(verdicts)


def _summary(verdicts: Sequence[Verdict]) -> str:
    """Count the verdicts, and how many failures survive Holm's correction where they have a p-value."""
    if verdicts[0].comparison is None:
        return verdicts[0].note
    counts = Counter(verdict.word for verdict in verdicts)
    parts = [f"{counts[word]} {word}" for word in WORDS if counts[word]]
    pairs = zip(verdicts, adjusted(verdicts), strict=True)
    failing = [p for verdict, p in pairs if verdict.word == FAILS and p is not None]
    if failing and len(verdicts) > 1:
        sure = sum(p < 0.05 for p in failing)
        parts[parts.index(f"{counts[FAILS]} {FAILS}")] += f" ({sure} after Holm)"
    fills = dict.fromkeys(name for verdict in verdicts for name in verdict.fills)
    command = [f"python -m medloc.reproduce {' '.join(fills)}"] if fills else []
    return "; ".join([f"{len(verdicts)}: {', '.join(parts)}", *command])


def _comparison_row(verdict: Verdict, comparison: Comparison, p: float | None) -> tuple[str, ...]:
    printed = printed_difference(comparison)
    ratio = comparison.relation == "more stable"
    interval = verdict.interval
    return (
        _sentence(comparison, verdict),
        DATASETS[comparison.dataset],
        "-" if printed is None else f"{printed:+.2f}",
        _number(verdict.difference, ratio),
        f"{_number(interval.low, ratio)} to {_number(interval.high, ratio)}" if interval else "-",
        str(verdict.n) if verdict.n else "-",
        "-" if p is None else f"{p:.4f}",
        verdict.word,
        "; ".join([*filter(None, [verdict.note]), *(f"python -m medloc.reproduce {name}" for name in verdict.fills)]),
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


def _number(value: float | None, ratio: bool) -> str:
    if value is None:
        return "-"
    return f"× {value:.2f}" if ratio else f"{value:+.2f}"
