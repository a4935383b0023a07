"""All tables of all groups, and their files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from medloc.experiments.reduced import read_grid
from medloc.report.groups import empty_group, group_records
from medloc.report.table_added import other_table
from medloc.report.table_build import build_table
from medloc.report.table_counts import counts_table
from medloc.report.table_csv import csv_text
from medloc.report.table_latex import latex
from medloc.report.table_list import DESCRIPTIONS, OURS
from medloc.report.table_markdown import markdown
from medloc.report.tables import Table, distinct
from medloc.report.values import Values
from medloc.runs import Record, write_text

FORMS = {"md": markdown, "tex": latex, "csv": csv_text}
"""Ending of a file -> what writes tables in that form."""


def all_values(results: Path, records: Iterable[Record]) -> list[Values]:
    """Return the values of every group of a results folder, the largest group first; never none.

    Raises:
        ValueError: `results/thinning.json` is torn; the message names it.
    """
    thinning = read_grid(results)
    groups = group_records(records, thinning.smoke) or [empty_group()]
    return [Values(group, results, thinning) for group in groups]


def all_tables(found: Sequence[Values]) -> list[Table]:
    """Return every table: the first group's all, of the others those that hold a number of theirs."""
    tables = [table for values in found for table in _of_group(values) if values is found[0] or _holds_any(table)]
    order = sorted(dict.fromkeys(table.name for table in tables), key=_place)
    return [table for name in order for table in _without_repeats(tables, name)]


def write_tables(tables: Iterable[Table], folder: Path) -> list[Path]:
    """Write `tableN.md`, `.tex` and `.csv` for all tables of one name together, and return the files' paths.

    Files of a table that there is no more, as when no run stands apart from the experiments, are removed.
    """
    listed = list(tables)
    paths = []
    for name in distinct(table.name for table in listed):
        for ending, form in FORMS.items():
            paths.append(folder / f"{name}.{ending}")
            write_text(paths[-1], form([table for table in listed if table.name == name]))
    for path in {folder / f"other.{ending}" for ending in FORMS} - set(paths):
        path.unlink(missing_ok=True)
    return paths


def _of_group(values: Values) -> list[Table]:
    built = [build_table(described, values) for described in DESCRIPTIONS]
    return [table for table in (*built, counts_table(values), other_table(values)) if table is not None]


def _holds_any(table: Table) -> bool:
    """Tell whether a table has a number that its group alone gives: one of its rows', or counted images."""
    lines = [line for line in table.lines if line.kind in ("trained", "untrained") or table.name == "table5"]
    return any(entry.ours.mean is not None for line in lines for entry in line.entries.values())


def _without_repeats(tables: Iterable[Table], name: str) -> list[Table]:
    """Keep one of equal tables: groups that train differently count the same images."""
    kept: list[Table] = []
    for table in tables:
        if table.name == name and not any((table.heading, table.lines) == (o.heading, o.lines) for o in kept):
            kept.append(table)
    return kept


def _place(name: str) -> tuple[int, str]:
    return ("table", *OURS, "other").index(name.rstrip("0123456789")), name
