"""Tables as text: grids of short texts with marks, and from them Markdown, LaTeX, CSV and the files."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from medloc.report.frame import DATASETS
from medloc.report.stats import EXACT_PAIRS, SAMPLED_PATTERNS
from medloc.report.tables.table import COLUMNS, MISSING, Mark, Number, Table, TextTable
from medloc.runs import write_text

Place = tuple[str, str]
"""Data set and metric of a column."""


class Text(NamedTuple):
    """What stands in one field; a mark is for its first word, the number itself."""

    text: str
    mark: Mark = ""


class Grid(NamedTuple):
    """A heading ("" for none), a header line, and lines of as many fields; `left` of them are words."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    left: int = 1


COMPARED = (
    *("Difference", "Metric", "Δ (N)", "paper", "95 % t-interval", "p (t-test)", "p (Holm)", "p (sign flip)"),
    *("Δ over images", "95 % bootstrap", "images (groups)"),
)


def main_grids(table: Table) -> list[Grid]:
    """Return the table itself: one grid for each data set where it has several metrics, else a single one."""
    lines: dict[str, dict[Place, Number]] = {}
    for number in table.numbers:
        lines.setdefault(number.row, {})[number.dataset, number.metric] = number
    paper = any(number.paper_text for number in table.numbers)
    grids = []
    for title, columns in _parts(table):
        header = (table.what, *table.facts, *(word for name in columns for word in (name, *["paper"] * paper)))
        rows = [
            (Text(line), *(Text(said.get(line, "")) for said in table.facts.values()), *_fields(found, columns, paper))
            for line, found in lines.items()
            if found.keys() & set(columns.values())
        ]
        grids.append(Grid(title, header, tuple(rows), 1 + len(table.facts)))
    return grids


def _parts(table: Table) -> list[tuple[str, dict[str, Place]]]:
    """Return the title of each grid, and its columns by their names."""
    metrics = list(dict.fromkeys(number.metric for number in table.numbers))
    titles = {
        name: title for name, title in DATASETS.items() if any(number.dataset == name for number in table.numbers)
    }
    if len(metrics) == 1:
        return [("", {f"{title} {COLUMNS[metrics[0]]}": (name, metrics[0]) for name, title in titles.items()})]
    return [(title, {COLUMNS[metric]: (name, metric) for metric in metrics}) for name, title in titles.items()]


def _fields(found: Mapping[Place, Number], columns: Mapping[str, Place], paper: bool) -> Iterator[Text]:
    """Yield ours and, where the table has a column for it, the paper's; both are empty where neither is asked for."""
    for place in columns.values():
        number = found.get(place)
        yield Text(number.text, number.mark) if number else Text("")
        if paper:
            yield Text(number.paper_text, number.paper_mark) if number else Text("")


def comparison_grids(table: Table) -> list[Grid]:
    """Return what seeds and images say about each difference, one grid a data set; [] where nothing compares yet."""
    rows: dict[str, list[tuple[Text, ...]]] = {}
    for number in table.compared:
        rows.setdefault(DATASETS[number.dataset], []).append(tuple(map(Text, _compared(number))))
    return [Grid(title, COMPARED, tuple(found), left=2) for title, found in rows.items()]


def _compared(number: Number) -> tuple[str, ...]:
    images = MISSING if number.image_difference is None else f"{number.image_difference:+.2f}"
    return (
        *(number.row, COLUMNS[number.metric], number.text, number.paper_text),
        _interval(number.t_low, number.t_high),
        *(_p(number.p), _p(number.p_holm), _p(number.p_sign_flip)),
        *(images, _interval(number.image_low, number.image_high)),
        MISSING if number.images is None else f"{number.images} ({number.image_groups})",
    )


def _interval(low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"[{low:+.2f}, {high:+.2f}]"


def _p(p: float | None) -> str:
    if p is None:
        return MISSING
    return "<0.0001" if p < 0.00005 else f"{p:.4f}"


COMPARISONS = (
    "The paper's test is the t-test; few seeds can say less than it seems. The 95 % t-interval is of the mean over "
    "seeds, and one seed has none. Holm corrects all t-tests of this table together, {family} in number. The sign-flip "
    "test assumes no normal distribution; with N seeds its p is never below 2/2^N. The images' difference holds the "
    "seeds fixed: its interval is a bootstrap over groups of images (lesions, patients). Base weights are one fixed "
    "draw, of which nothing here shows the variance."
)
SAMPLED = (
    f" Above {EXACT_PAIRS} seeds the sign-flip test counts {SAMPLED_PATTERNS:,} patterns of signs that are drawn at "
    "random, the same ones every time, and not all 2^N."
)


def comparisons_text(table: Table) -> str:
    """Explain the columns beside the paper's test; "" where nothing compares yet."""
    if not table.compared:
        return ""
    family = sum(number.p is not None for number in table.compared)
    sampled = any(number.n > EXACT_PAIRS for number in table.compared)
    return COMPARISONS.format(family=family) + (SAMPLED if sampled else "")


def markdown(tables: Sequence[Table]) -> str:
    """Return tables, one below the other."""
    return "\n\n".join(map(_section, tables)) + "\n"


def _section(table: Table) -> str:
    parts = [f"# {table.title}; {table.heading}", table.legend, *_blocks(main_grids(table))]
    if table.compared:
        parts += ["## What seeds and images say about the differences", comparisons_text(table)]
        parts += _blocks(comparison_grids(table))
    parts.append("\n".join(f"- {note}" for note in table.notes))
    parts.append(missing_text(table))
    return "\n\n".join(part for part in parts if part)


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


def _blocks(grids: Iterable[Grid]) -> list[str]:
    texts = [(f"### {grid.title}\n\n" if grid.title else "", grid_text(grid, "pipe", _marked)) for grid in grids]
    return [title + text for title, text in texts]


def _marked(field: Text) -> str:
    number, space, rest = field.text.partition(" ")
    before, after = {"best": ("**", "**"), "second": ("<u>", "</u>"), "": ("", "")}[field.mark]
    return f"{before}{number}{after}{space}{rest}"


def grid_text(grid: Grid, form: str, show: Callable[[Text], str]) -> str:
    """Return a grid in one of the forms of tabulate, words to the left and numbers to the right."""
    frame = pd.DataFrame([[show(field) for field in row] for row in grid.rows], columns=list(grid.header))
    alignment = ["left"] * grid.left + ["right"] * (len(grid.header) - grid.left)
    return frame.to_markdown(index=False, tablefmt=form, disable_numparse=True, colalign=alignment)


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
    escaped = grid._replace(header=tuple(map(escape, grid.header)))
    title = [rf"\textbf{{{escape(grid.title)}}}\\"] if grid.title else []
    return [*title, grid_text(escaped, "latex_raw", _marked_in_latex), r"\par\medskip"]


def _marked_in_latex(field: Text) -> str:
    number, space, rest = field.text.partition(" ")
    command = {"best": r"\textbf", "second": r"\underline", "": ""}[field.mark]
    shown = f"{command}{{{escape(number)}}}" if command else escape(number)
    return f"{shown}{space}{escape(rest)}"


FOUR_DECIMALS = (
    "mean",
    "sd",
    "paper_mean",
    "paper_sd",
    "t_low",
    "t_high",
    "image_difference",
    "image_low",
    "image_high",
)
SIX_DIGITS = ("p", "p_holm", "p_sign_flip")


def csv_text(tables: Sequence[Table]) -> str:
    """Return every number of the tables in long form; `group` is the place of the setting among those of the tables.

    Columns are those of `Number`; an empty field is a missing number.
    """
    settings = list(dict.fromkeys(table.heading for table in tables))
    rows = [
        (table.name, table.title, settings.index(table.heading) + 1, table.heading, *number)
        for table in tables
        for number in table.numbers
    ]
    frame = pd.DataFrame(rows, columns=["table", "part", "group", "setting", *Number._fields], dtype=object)
    for column in FOUR_DECIMALS:
        shown = frame[column].map(lambda value: value if isinstance(value, int) else f"{value:.4f}", na_action="ignore")
        frame[column] = shown
    for column in SIX_DIGITS:
        frame[column] = frame[column].map("{:.6g}".format, na_action="ignore")
    return frame.to_csv(index=False, lineterminator="\n")


FORMS = {"md": markdown, "tex": latex, "csv": csv_text}
"""Ending of a file -> what writes tables in that form."""


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write `tableN.md`, `.tex` and `.csv` for all tables of one name together, and return the files' paths.

    Files of a table that there is no more, as when no run stands apart from the experiments, are removed.
    """
    paths = []
    for name in dict.fromkeys(table.name for table in tables):
        for ending, form in FORMS.items():
            paths.append(folder / f"{name}.{ending}")
            write_text(paths[-1], form([table for table in tables if table.name == name]))
    for path in {folder / f"other.{ending}" for ending in FORMS} - set(paths):
        path.unlink(missing_ok=True)
    return paths


def write_texts(path: Path, tables: Sequence[TextTable]) -> None:
    """Write tables of texts as `path`.md, to read, and `path`.csv; without any table there are no such files."""
    if not tables:
        for ending in (".md", ".csv"):
            path.with_suffix(ending).unlink(missing_ok=True)
        return
    frames = [pd.DataFrame(table.rows, columns=list(table.header)) for table in tables]
    parts = []
    for table, frame in zip(tables, frames, strict=True):
        parts += [f"# {table.heading}", frame.to_markdown(index=False, tablefmt="pipe", disable_numparse=True)]
        frame.insert(0, "heading", table.heading)
    write_text(path.with_suffix(".md"), "\n\n".join(parts) + "\n")
    write_text(path.with_suffix(".csv"), "".join(f.to_csv(index=False, lineterminator="\n") for f in frames))
