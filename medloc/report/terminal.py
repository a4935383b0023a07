"""What a person sees at the end of `python -m medloc.report`: the rows of Table 1 that have a number, and counts."""

from collections import Counter
from collections.abc import Iterator

from tabulate import tabulate

from medloc.report.cells import MISSING
from medloc.report.missing import Missing
from medloc.report.page import VERDICTS, Content, missing_count
from medloc.report.table_grids import Grid, main_grids

SCORES = 9
"""Columns of the cross-validated table that are shown: all but its intervals."""

FEW = 5
"""So many missing entries of Table 1 are named one by one; more are counted."""


def summary_lines(content: Content) -> list[str]:
    """Return the summary of a report, line by line."""
    return [*_table1(content), *_folds(content), *_claims(content), *_missing(content), *_problems(content), ""]


def _table1(content: Content) -> Iterator[str]:
    table = next((table for table in content.tables if table.name == "table1"), None)
    yield f"Table 1: {content.values[0].group.heading}"
    for grid in main_grids(table) if table else ():
        rows = [[text.text for text in row] for row in grid.rows]
        numbered = [row for row in rows if _has_number(grid, row)]
        if numbered:
            alignment = ["left"] * grid.left + ["right"] * (len(grid.header) - grid.left)
            yield f"\n{grid.title}"
            yield tabulate(numbered, grid.header, "simple", disable_numparse=True, colalign=alignment)
    yield ""


def _folds(content: Content) -> Iterator[str]:
    if content.folds:
        rows = [row[:SCORES] for row in content.folds.rows]
        yield "Cross-validated, the test parts of all folds as one"
        yield tabulate(rows, content.folds.header[:SCORES], "simple", disable_numparse=True)
        yield ""


def _has_number(grid: Grid, row: list[str]) -> bool:
    """Tell whether a row has a number of ours."""
    pairs = list(zip(grid.header, row, strict=True))[grid.left :]
    return any(text not in ("", MISSING) for title, text in pairs if title != "paper")


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
