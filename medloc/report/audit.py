"""Where the paper disagrees with itself, computed from its own numbers and sentences; no run of ours takes part."""

from collections.abc import Sequence

from medloc.report.audit_counts import check_counts
from medloc.report.audit_deltas import check_deltas
from medloc.report.audit_numbers import check_numbers
from medloc.report.audit_sentences import check_sentences
from medloc.report.audit_settings import check_settings
from medloc.report.finding import Finding
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


def audit() -> list[Finding]:
    """Return every finding, by kind, within a kind in the paper's order."""
    found = [*check_deltas(), *check_numbers(), *check_counts(), *check_settings(), *check_sentences()]
    return sorted(found, key=lambda finding: list(KINDS).index(finding.kind))


def audit_table(findings: Sequence[Finding] | None = None) -> TextTable:
    """Return the findings as text; `findings` are those of `audit` where they are at hand."""
    rows = [(each.place, each.printed, each.follows, each.kind) for each in (audit() if findings is None else findings)]
    heading = "Audit: the paper's own numbers against each other (no run of ours)"
    return TextTable(heading, ("Place", "Printed", "What follows", "Kind"), tuple(rows))
