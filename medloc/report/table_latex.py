"""Tables as LaTeX, to put into a paper: tabulars in a float, with no package but amssymb."""

from collections.abc import Sequence

from tabulate import tabulate

from medloc.report.table_grids import Grid, Text, comparison_grids, main_grids
from medloc.report.tables import Table

REPLACED = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "δ": r"$\delta$",
    "β": r"$\beta$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "✓": r"$\checkmark$",
    "✗": r"$\times$",
}
MACRON = "\N{COMBINING MACRON}"


def latex(tables: Sequence[Table]) -> str:
    """Return tables as `table*` floats, one below the other."""
    return "\n\n".join(map(_float, tables)) + "\n"


def escape(text: str) -> str:
    """Return text as LaTeX that prints it; a sign that has no entry in `REPLACED` stays as it is."""
    found = ""
    for place, sign in enumerate(text):
        if sign == MACRON:
            continue
        plain = REPLACED.get(sign, sign)
        found += f"$\\bar{{{plain}}}$" if text[place + 1 : place + 2] == MACRON else plain
    return found


def _float(table: Table) -> str:
    grids = [*main_grids(table), *comparison_grids(table)]
    caption = escape(f"{table.title}; {table.heading}. {table.legend}")
    return "\n".join(
        [
            r"\begin{table*}[t]",
            r"\centering",
            r"\scriptsize",
            rf"\caption{{{caption}}}",
            *("\n".join(_block(grid)) for grid in grids),
            r"\end{table*}",
        ]
    )


def _block(grid: Grid) -> list[str]:
    rows = [[_marked(field) for field in row] for row in grid.rows]
    header = [escape(word) for word in grid.header]
    alignment = ["left"] * grid.left + ["right"] * (len(grid.header) - grid.left)
    body = tabulate(rows, header, tablefmt="latex_raw", disable_numparse=True, colalign=alignment)
    title = [rf"\textbf{{{escape(grid.title)}}}\\"] if grid.title else []
    return [*title, body, r"\par\medskip"]


def _marked(field: Text) -> str:
    number, space, rest = field.text.partition(" ")
    command = {"best": r"\textbf", "second": r"\underline", "": ""}[field.mark]
    shown = f"{command}{{{escape(number)}}}" if command else escape(number)
    return f"{shown}{space}{escape(rest)}"
