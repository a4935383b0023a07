"""The whole report of a results folder: tables, figures, claims, audit, the page that holds them, and its summary."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from medloc.report.audit import audit_table
from medloc.report.claims import claims_table, comparisons_table, judge_claims
from medloc.report.claims.verdict import MISSING
from medloc.report.figures.files import remove_figures_beyond, write_figures
from medloc.report.page import VERDICTS, Content, Ledger, Placed, missing_count, page
from medloc.report.tables.build import all_tables, all_values
from medloc.report.tables.folds import folds_table
from medloc.report.tables.table import MISSING as DASH
from medloc.report.tables.training import heights_table, sparsity_table
from medloc.report.tables.writers import Grid, Text, grid_text, main_grids, write_tables, write_texts
from medloc.report.values import Missing, Values
from medloc.runs import Found, write_text

SCORES = 9
"""Columns of the cross-validated table that are shown: all but its intervals."""

FEW = 5
"""So many missing entries of Table 1 are named one by one; more are counted."""


@dataclass(frozen=True)
class Written:
    """A finished report.

    Attributes:
        content: What it says.
        page: Its page; None where there is no results folder to write into.
    """

    content: Content
    page: Path | None


def write_report(results: Path, found: Found) -> Written:
    """Write `tables/`, `figures/` and `report.html` into a results folder.

    Raises:
        ValueError: A file of the results folder that says how to read it is torn.
    """
    values = all_values(results, found.records)
    tables = all_tables(values)
    ledgers = [ledger for each in values for ledger in [_ledger(each)] if each is values[0] or ledger.tested]
    here = results.is_dir()
    figures = [placed for place, each in enumerate(values) for placed in _figures(each, place, results)] if here else []
    sparsity = [table for table in map(sparsity_table, values) if table.rows]
    heights = [table for table in map(heights_table, values) if table.rows]
    folds = folds_table(results, found.records)
    content = Content(found, values, tables, figures, ledgers, sparsity, heights, audit_table(), folds)
    if not here:
        return Written(content, None)
    remove_figures_beyond(len(values), results / "figures")
    write_tables(tables, results / "tables")
    write_texts(results / "tables" / "audit", [content.audit])
    write_texts(results / "tables" / "sparsity", content.sparsity)
    write_texts(results / "tables" / "heights", content.heights)
    write_texts(results / "tables" / "folds", [folds] if folds else [])
    write_texts(results / "tables" / "claims", [table for one in ledgers for table in (one.claims, one.comparisons)])
    write_text(results / "report.html", page(content))
    return Written(content, results / "report.html")


def _ledger(values: Values) -> Ledger:
    verdicts = judge_claims(values)
    label = values.group.heading
    tested = any(verdict.comparison and verdict.word != MISSING for verdict in verdicts)
    return Ledger(claims_table(verdicts, label), comparisons_table(verdicts, label), tested)


def _figures(values: Values, place: int, results: Path) -> list[Placed]:
    """Draw every figure of the first group, and of the others those that have a run; their files bear a number."""
    drawn = write_figures(values, results / "figures", f"-{place + 1}" if place else "")
    return [Placed(values.group.heading, figure) for figure in drawn if not place or figure.svg]


def summary_lines(content: Content) -> list[str]:
    """Return the summary of a report, line by line."""
    return [*_table1(content), *_folds(content), *_claims(content), *_missing(content), *_problems(content), ""]


def _table1(content: Content) -> Iterator[str]:
    table = next((table for table in content.tables if table.name == "table1"), None)
    yield f"Table 1: {content.values[0].group.heading}"
    for grid in main_grids(table) if table else ():
        numbered = [row for row in grid.rows if _has_number(grid, row)]
        if numbered:
            yield f"\n{grid.title}"
            yield grid_text(grid._replace(rows=tuple(numbered)), "simple", lambda field: field.text)
    yield ""


def _folds(content: Content) -> Iterator[str]:
    if content.folds:
        rows = pd.DataFrame(content.folds.rows, columns=list(content.folds.header)).iloc[:, :SCORES]
        yield "Cross-validated, the test parts of all folds as one"
        yield rows.to_markdown(index=False, tablefmt="simple", disable_numparse=True)
        yield ""


def _has_number(grid: Grid, row: Sequence[Text]) -> bool:
    """Tell whether a row has a number of ours."""
    pairs = list(zip(grid.header, row, strict=True))[grid.left :]
    return any(field.text not in ("", DASH) for title, field in pairs if title != "paper")


def _claims(content: Content) -> Iterator[str]:
    counts = Counter(text for row in content.claims[0].claims.rows for text in row if text in VERDICTS)
    yield f"Claims of the paper: {', '.join(f'{counts[word]} {word}' for word in VERDICTS if counts[word])}."
    yield f"Audit of the paper's own numbers: {len(content.audit.rows)} findings."


def _missing(content: Content) -> Iterator[str]:
    number = missing_count(content.values[0])
    if number:
        yield f"{number} runs of the tables and figures are missing; report.html has their commands."
    listed: list[Missing] = [one for table in content.tables[:1] for one in table.missing]
    if len(listed) <= FEW:
        yield from (f"  {one}:\n    {one.command}" for one in listed)


def _problems(content: Content) -> Iterator[str]:
    yield from (f"not read: {problem}" for values in content.values for problem in values.problems)
