"""Tables as Markdown, to read. The same records give the same bytes."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from medloc.report.table_grids import Grid, Text, comparison_grids, main_grids
from medloc.report.tables import Table

COMPARISONS = (
    "The paper's test is the t-test; few seeds can say less than it seems. The 95 % t-interval is of the mean over "
    "seeds, and one seed has none. Holm corrects all t-tests of this table together, {family} in number. The sign-flip "
    "test assumes no normal distribution; with N seeds its p is never below 2/2^N. The images' difference holds the "
    "seeds fixed: its interval is a bootstrap over groups of images (lesions, patients). Base weights are one fixed "
    "draw, of which nothing here shows the variance."
)


def markdown(tables: Sequence[Table]) -> str:
    """Return tables, one below the other."""
    return "\n\n".join(map(_section, tables)) + "\n"


def missing_text(table: Table) -> str:
    """Say which runs a table still needs and how to make them; "" where it is whole."""
    parts = []
    if table.reproduce:
        parts.append(f"Missing runs, all at once: `{table.reproduce}`; or one by one:")
    elif table.missing:
        parts.append("Missing runs, and the command for each:")
    if table.missing:
        parts.append("\n".join(f"- {missing}:\n  `{missing.command}`" for missing in table.missing))
    if table.lacking:
        parts.append(f"Not in this version: {', '.join(table.lacking)}.")
    return "\n\n".join(parts)


def comparisons_text(table: Table) -> str:
    """Explain the columns beside the paper's test; "" where nothing compares yet."""
    family = sum(one.p is not None for one in table.comparisons)
    return COMPARISONS.format(family=family) if any(one.delta.n for one in table.comparisons) else ""


def _section(table: Table) -> str:
    parts = [f"# {table.title}; {table.heading}", table.legend, *_blocks(main_grids(table))]
    compared = comparison_grids(table)
    if compared:
        parts += ["## What seeds and images say about the differences", comparisons_text(table), *_blocks(compared)]
    parts.append("\n".join(f"- {note}" for note in table.notes))
    parts.append(missing_text(table))
    return "\n\n".join(part for part in parts if part)


def _blocks(grids: Iterable[Grid]) -> list[str]:
    return [f"### {grid.title}\n\n{_grid(grid)}" if grid.title else _grid(grid) for grid in grids]


def _grid(grid: Grid) -> str:
    rows = [[_marked(field) for field in row] for row in grid.rows]
    alignment = ["left"] * grid.left + ["right"] * (len(grid.header) - grid.left)
    return tabulate(rows, grid.header, tablefmt="pipe", disable_numparse=True, colalign=alignment)


def _marked(field: Text) -> str:
    number, space, rest = field.text.partition(" ")
    before, after = {"best": ("**", "**"), "second": ("<u>", "</u>"), "": ("", "")}[field.mark]
    return f"{before}{number}{after}{space}{rest}"
