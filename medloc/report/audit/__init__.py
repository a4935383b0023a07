"""The audit: where the paper disagrees with itself, from its own numbers and sentences; our runs take no part."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from medloc.curriculum.schedule import Linear
from medloc.report.audit.numbers import Finding, check_counts, check_deltas, check_numbers
from medloc.report.claims.read import Comparison, paper_claims, printed_cell, printed_difference
from medloc.report.groups import DATASETS
from medloc.report.paper import METRICS, PaperCell, paper_table, paper_text
from medloc.report.tables.table import TextTable

KINDS = {
    "difference": "a printed difference is not the difference of the printed values",
    "stars": "no paired values with the printed standard deviations earn the printed stars",
    "value": "one system has several values",
    "row": "a row is another row",
    "count": "printed counts do not add up, or no counts give the printed value",
    "setting": "settings disagree between sections",
    "spread": "announced statistics are not printed",
    "sentence": "a sentence disagrees with its table",
}
"""Kind of a finding -> what it means."""

SHOWN = 4  # raises of the linear schedule that are listed
STAGES = ("delta1", "delta2", "beta1", "beta2")


def audit() -> list[Finding]:
    """Return every finding, by kind, within a kind in the paper's order."""
    found = [*check_deltas(), *check_numbers(), *check_counts(), *check_settings(), *check_sentences()]
    return sorted(found, key=lambda finding: list(KINDS).index(finding.kind))


def audit_table(findings: Sequence[Finding] | None = None) -> TextTable:
    """Return the findings as text; `findings` are those of `audit` where they are at hand."""
    found = audit() if findings is None else findings
    rows = [(each.place, each.printed, each.follows, each.kind) for each in found]
    heading = "Audit: the paper's own numbers against each other (no run of ours)"
    return TextTable(heading, ("Place", "Printed", "What follows", "Kind"), tuple(rows))


def check_settings() -> Iterator[Finding]:
    """Yield the findings of kind "setting", and the pace of linear decay (kind "sentence")."""
    yield from _table6_default()
    yield from _regimes()
    yield _linear_pace()


def _table6_default() -> Iterator[Finding]:
    """Compare the rows of Table 6 that carry the main results with the settings of the main results."""
    main, table = paper_text()["piecewise"], paper_table(6)
    rows = {row for same in paper_text()["same"].values() for number, row in same if number == 6}
    for row in sorted(rows):
        other = {key: table.settings[row][key] for key in STAGES if table.settings[row][key] != main[key]}
        if other:
            sets = " and ".join(
                f"{DATASETS[dataset]} ({line['a50'].mean:.2f})" for dataset, line in table.rows[row].items()
            )
            printed = ", ".join(f"{key} = {value:.2f}" for key, value in other.items())
            wanted = ", ".join(f"{key} = {main[key]:.2f}" for key in other)
            follows = f"Section 4.1 and Appendix C give {wanted} for the main results, which have the same values"
            yield Finding("setting", f"Table 6, {sets}", printed, follows)


def _regimes() -> Iterator[Finding]:
    regimes, main = paper_text()["regimes"], paper_text()["piecewise"]
    for lower, upper in pairwise(regimes):
        if lower["below"] != upper["from"]:
            printed = f"regimes τ < {lower['below']:.2f} and τ ≥ {upper['from']:.2f}"
            follows = f"no regime holds for {lower['below']:.2f} ≤ τ < {upper['from']:.2f}"
            yield Finding("setting", "Appendix B", printed, follows)
    for regime, key in zip(regimes, ("beta1", "beta2"), strict=False):
        if regime["below"] != main[key]:
            follows = f"Section 4.1 has {key} = {main[key]:.2f} for the end of this step size"
            yield Finding("setting", "Appendix B", f"δ = {regime['step']:.2f} while τ < {regime['below']:.2f}", follows)
    last = regimes[-1]["from"]
    if last >= main["tau_target"]:
        follows = f"τ ends at {main['tau_target']:.2f}, so this regime never decides a raise"
        yield Finding("setting", "Appendix B", f"the last regime begins at τ = {last:.2f}", follows)


def _linear_pace() -> Finding:
    """Compute the first raises of Equation 12 with the printed settings."""
    settings, raises = paper_text()["linear"], []
    tau = settings["tau0"]
    for _ in range(SHOWN):
        raises.append(Linear(**settings).step_size(tau))
        tau += raises[-1]
    steps = ", ".join(f"{step:.3f}" for step in raises)
    follows = f"Eq. 12 raises τ by {steps} ..., each {raises[1] / raises[0]:.2f} of the one before"
    return Finding("sentence", "Section 4.2", f"“{paper_text()['linear_pace']}”", follows)


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
    first, second = _printed(comparison, comparison.metric)
    where = f"{DATASETS[comparison.dataset]} {{metric}} {comparison.subject} {{}}, {comparison.object} {{}}"
    if comparison.relation == "more stable":
        if first is None or second is None or first.sd is None or second.sd is None:
            return None
        numbers = (f"sd {first.sd:.2f}", f"{second.sd:.2f}")
        return first.sd < second.sd, where.format(*numbers, metric=METRICS[comparison.metric])
    difference = printed_difference(comparison)
    if difference is None or first is None or second is None:
        return None
    similar = comparison.relation == "similar"
    holds = abs(difference) <= comparison.margin if similar else difference > comparison.margin
    if comparison.relation == "larger gain":
        return holds, f"{DATASETS[comparison.dataset]} over {comparison.object} {', '.join(_gains(comparison))}"
    return holds, where.format(f"{first.mean:.2f}", f"{second.mean:.2f}", metric=METRICS[comparison.metric])


def _printed(comparison: Comparison, metric: str) -> tuple[PaperCell | None, PaperCell | None]:
    """Return the printed cells of subject and object."""
    dataset = comparison.dataset
    return printed_cell(comparison.subject, dataset, metric), printed_cell(comparison.object, dataset, metric)


def _gains(comparison: Comparison) -> Iterator[str]:
    for metric in (comparison.metric, comparison.than_metric):
        first, second = _printed(comparison, metric)
        if first and second:
            yield f"{first.mean - second.mean:+.2f} at {METRICS[metric]}"
