"""Sentences against tables: every claim of `claims.yaml` held against the numbers that the paper itself prints."""

from collections.abc import Iterator

from medloc.report.claim_list import Comparison, paper_claims, printed_cell, printed_difference
from medloc.report.finding import Finding
from medloc.report.groups import DATASETS
from medloc.report.paper import METRICS


def check_sentences() -> Iterator[Finding]:
    """Yield one finding of kind "sentence" for every claim that the printed numbers contradict."""
    for claim in paper_claims().claims:
        judged = [printed_verdict(comparison) for comparison in claim.comparisons]
        known = [verdict for verdict in judged if verdict is not None]
        against = [text for holds, text in known if not holds]
        if against:
            reading = f" (read as: {claim.reading})" if claim.reading else ""
            share = "" if len(known) == 1 else f"{len(against)} of {len(known)} comparisons: "
            yield Finding("sentence", claim.place, f"“{claim.quote}”{reading}", share + "; ".join(against))


def printed_verdict(comparison: Comparison) -> tuple[bool, str] | None:
    """Return whether the printed numbers agree with a comparison, and the numbers; None where there are none."""
    if comparison.relation == "more stable":
        return _spread_verdict(comparison)
    difference = printed_difference(comparison)
    if difference is None:
        return None
    similar = comparison.relation == "similar"
    holds = abs(difference) <= comparison.margin if similar else difference > comparison.margin
    return holds, _means(comparison) if comparison.relation != "larger gain" else _gains(comparison)


def _spread_verdict(comparison: Comparison) -> tuple[bool, str] | None:
    cells = [
        printed_cell(row, comparison.dataset, comparison.metric) for row in (comparison.subject, comparison.object)
    ]
    subject, compared = (cell.sd if cell else None for cell in cells)
    if subject is None or compared is None:
        return None
    return subject < compared, _against(comparison, f"sd {subject:.2f}", f"{compared:.2f}")


def _means(comparison: Comparison) -> str:
    cells = [
        printed_cell(row, comparison.dataset, comparison.metric) for row in (comparison.subject, comparison.object)
    ]
    subject, compared = (f"{cell.mean:.2f}" for cell in cells if cell)
    return _against(comparison, subject, compared)


def _against(comparison: Comparison, subject: str, compared: str) -> str:
    where = f"{DATASETS[comparison.dataset]} {METRICS[comparison.metric]}"
    return f"{where} {comparison.subject} {subject}, {comparison.object} {compared}"


def _gains(comparison: Comparison) -> str:
    gains = []
    for metric in (comparison.metric, comparison.than_metric):
        subject, compared = (
            printed_cell(row, comparison.dataset, metric) for row in (comparison.subject, comparison.object)
        )
        if subject and compared:
            gains.append(f"{subject.mean - compared.mean:+.2f} at {METRICS[metric]}")
    return f"{DATASETS[comparison.dataset]} over {comparison.object} {', '.join(gains)}"
