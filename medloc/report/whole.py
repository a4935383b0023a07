"""The whole report of a results folder: tables, figures, claims, audit, the page that holds them, and its summary."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from medloc.report.audit import audit_table
from medloc.report.claims import MISSING, claims_table, comparisons_table, judge_claims
from medloc.report.figures.files import remove_figures_beyond, write_figures
from medloc.report.page import VERDICTS, Content, Ledger, missing_count, page
from medloc.report.tables.build import all_tables, all_values
from medloc.report.tables.folds import folds_table
from medloc.report.tables.table import MISSING as DASH
from medloc.report.tables.training import heights_table, sparsity_table
from medloc.report.tables.writers import Grid, Text, grid_text, main_grids, write_tables, write_texts
from medloc.report.values import Values
from medloc.runs import Found, write_text

SCORES = 9
"""Columns of the cross-validated table that are shown: all but its intervals."""

FEW = 5
"""So many missing entries of Table 1 are named one by one; more are counted."""


def write_report(results: Path, found: Found) -> Content:
    """Write `tables/`, `figures/` and `report.html` into a results folder, and return what they say.

    Nothing is written where there is no results folder.

    Raises:
        ValueError: A file of the results folder that says how to read it is torn.
    """
    values = all_values(results, found.records)
    tables, figures = all_tables(values), []
    ledgers = [ledger for each in values for ledger in [_ledger(each)] if each is values[0] or ledger.tested]
    here = results.is_dir()
    for place, each in enumerate(values if here else ()):
        # every figure of the first group, and of the others those that have a run; their files bear a number
        drawn = write_figures(each, results / "figures", f"-{place + 1}" if place else "")
        figures += [figure for figure in drawn if not place or figure.svg]
    content = Content(
        found=found,
        values=values,
        tables=tables,
        figures=figures,
        claims=ledgers,
        sparsity=[table for table in map(sparsity_table, values) if table.rows],
        heights=[table for table in map(heights_table, values) if table.rows],
        audit=audit_table(),
        folds=folds_table(results, found.records),
    )
    if here:
        remove_figures_beyond(len(values), results / "figures")
        write_tables(tables, results / "tables")
        texts = {"audit": [content.audit], "sparsity": content.sparsity, "heights": content.heights}
        texts |= {"folds": [content.folds] if content.folds else []}
        texts |= {"claims": [table for one in ledgers for table in (one.claims, one.comparisons)]}
        for name, listed in texts.items():
            write_texts(results / "tables" / name, listed)
        write_text(results / "report.html", page(content))
    return content


def _ledger(values: Values) -> Ledger:
    verdicts = judge_claims(values)
    label = values.group.heading
    tested = any(verdict.comparison and verdict.word != MISSING for verdict in verdicts)
    return Ledger(claims_table(verdicts, label), comparisons_table(verdicts, label), tested)


def summary_lines(content: Content) -> Iterator[str]:
    """Yield the summary of a report, line by line."""
    first = content.values[0]
    yield f"Table 1: {first.group.heading}"
    for grid in (grid for table in content.tables if table.name == "table1" for grid in main_grids(table)):
        numbered = tuple(row for row in grid.rows if _has_number(grid, row))
        if numbered:
            yield f"\n{grid.title}"
            yield grid_text(grid._replace(rows=numbered), "simple", lambda field: field.text)
    yield ""
    if content.folds:
        rows = pd.DataFrame(content.folds.rows, columns=list(content.folds.header)).iloc[:, :SCORES]
        yield "Cross-validated, the test parts of all folds as one"
        yield rows.to_markdown(index=False, tablefmt="simple", disable_numparse=True)
        yield ""
    counts = Counter(text for row in content.claims[0].claims.rows for text in row if text in VERDICTS)
    yield f"Claims of the paper: {', '.join(f'{counts[word]} {word}' for word in VERDICTS if counts[word])}."
    yield f"Audit of the paper's own numbers: {len(content.audit.rows)} findings."
    number = missing_count(first)
    if number:
        yield f"{number} runs of the tables and figures are missing; report.html has their commands."
    listed = [one for table in content.tables[:1] for one in table.missing]
    if len(listed) <= FEW:
        yield from (f"  {one}:\n    {one.command}" for one in listed)
    yield from (f"not read: {problem}" for values in content.values for problem in values.problems)
    yield ""


def _has_number(grid: Grid, row: Sequence[Text]) -> bool:
    """Tell whether a row has a number of ours."""
    pairs = list(zip(grid.header, row, strict=True))[grid.left :]
    return any(field.text not in ("", DASH) for title, field in pairs if title != "paper")
