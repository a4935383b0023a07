"""The whole report of a results folder: tables, figures, claims, audit, and the page that holds them all."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from medloc.report.audit import audit_table
from medloc.report.claims import claims_table, comparisons_table, judge_claims
from medloc.report.claims.verdict import MISSING
from medloc.report.figures.files import remove_figures_beyond, write_figures
from medloc.report.folds import folds_table
from medloc.report.heights import heights_table
from medloc.report.page import Content, Ledger, Placed, page
from medloc.report.sparsity import sparsity_table
from medloc.report.table_files import all_tables, all_values, write_tables
from medloc.report.text_table import TextTable
from medloc.report.values import Values
from medloc.runs import Found, write_text


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
    _write_texts(results / "tables" / "audit", [content.audit])
    _write_texts(results / "tables" / "sparsity", content.sparsity)
    _write_texts(results / "tables" / "heights", content.heights)
    _write_texts(results / "tables" / "folds", [folds] if folds else [])
    _write_texts(results / "tables" / "claims", [table for one in ledgers for table in (one.claims, one.comparisons)])
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


def _write_texts(path: Path, tables: Sequence[TextTable]) -> None:
    """Write tables of texts as `path`.md, to read, and `path`.csv; without any table there are no such files."""
    if not tables:
        for ending in (".md", ".csv"):
            path.with_suffix(ending).unlink(missing_ok=True)
        return
    parts = []
    for table in tables:
        parts += [f"# {table.heading}", tabulate(table.rows, table.header, "pipe", disable_numparse=True)]
    write_text(path.with_suffix(".md"), "\n\n".join(parts) + "\n")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for table in tables:
        writer.writerows([("heading", *table.header), *((table.heading, *row) for row in table.rows)])
    write_text(path.with_suffix(".csv"), text.getvalue())
