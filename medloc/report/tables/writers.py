"""Tables as text: grids of short texts with marks, and from them Markdown, LaTeX, CSV and the files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from medloc.report.groups import DATASETS
from medloc.report.paper import PaperCell
from medloc.report.stats import EXACT_PAIRS, SAMPLED_PATTERNS, Interval
from medloc.report.tables.table import (
    COLUMNS,
    MISSING,
    Block,
    Comparison,
    Entry,
    Line,
    Mark,
    Place,
    Table,
    TextTable,
    distinct,
)
from medloc.runs import write_text


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


EMPTY = Text("")
NOTHING = Text(MISSING)

COMPARED = (
    *("Difference", "Metric", "Δ (N)", "paper", "95 % t-interval", "p (t-test)", "p (Holm)", "p (sign flip)"),
    *("Δ over images", "95 % bootstrap", "images (groups)"),
)


def main_grids(table: Table) -> list[Grid]:
    """Return the table itself, one grid for each of its blocks."""
    return [_main(table, block) for block in table.blocks]


def comparison_grids(table: Table) -> list[Grid]:
    """Return what seeds and images say about each difference, one grid a data set; [] where nothing compares yet."""
    found = [one for one in table.comparisons if one.delta.n]
    grids = []
    for dataset in distinct(one.dataset for one in found):
        rows = tuple(_compared(one) for one in found if one.dataset == dataset)
        grids.append(Grid(DATASETS[dataset], COMPARED, rows, left=2))
    return grids


def _main(table: Table, block: Block) -> Grid:
    paper = ("paper",) if table.has_paper else ()
    header = (table.what, *table.facts, *(word for title, _ in block.columns for word in (title, *paper)))
    places = [place for _, place in block.columns]
    rows = (_row(line, places, len(table.facts), bool(paper)) for line in block.lines)
    return Grid(block.title, header, tuple(rows), left=1 + len(table.facts))


def _row(line: Line, places: Sequence[Place], facts: int, paper: bool) -> tuple[Text, ...]:
    said = [Text(fact) for fact in line.facts] + [EMPTY] * (facts - len(line.facts))
    fields = (field for place in places for field in _fields(line.entries.get(place), paper))
    return (Text(line.name), *said, *fields)


def _fields(entry: Entry | None, paper: bool) -> Iterator[Text]:
    """Yield ours and, where the table has a column for it, the paper's; both are empty where neither is asked for."""
    yield EMPTY if entry is None else Text(str(entry.ours), entry.mark)
    if paper:
        yield EMPTY if entry is None or entry.paper is None else Text(str(entry.paper), entry.paper_mark)


def _compared(one: Comparison) -> tuple[Text, ...]:
    images = one.over_images
    return (
        Text(one.name),
        Text(COLUMNS[one.metric]),
        Text(str(one.delta)),
        EMPTY if one.paper is None else Text(str(one.paper)),
        _interval(one.interval),
        _p(one.p),
        _p(one.holm_p),
        _p(one.flip.p if one.flip else None),
        Text(f"{images.difference:+.2f}") if images else NOTHING,
        _interval(images.interval) if images else NOTHING,
        Text(f"{images.images} ({images.groups})") if images else NOTHING,
    )


def _interval(interval: Interval | None) -> Text:
    return NOTHING if interval is None else Text(f"[{interval.low:+.2f}, {interval.high:+.2f}]")


def _p(p: float | None) -> Text:
    if p is None:
        return NOTHING
    return Text("<0.0001" if p < 0.00005 else f"{p:.4f}")


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
    if not any(one.delta.n for one in table.comparisons):
        return ""
    sampled = any(one.flip.sampled for one in table.comparisons if one.flip)
    family = sum(one.p is not None for one in table.comparisons)
    return COMPARISONS.format(family=family) + (SAMPLED if sampled else "")


def _section(table: Table) -> str:
    parts = [f"# {table.title}; {table.heading}", table.legend, *_blocks(main_grids(table))]
    compared = comparison_grids(table)
    if compared:
        parts += ["## What seeds and images say about the differences", comparisons_text(table), *_blocks(compared)]
    parts.append("\n".join(f"- {note}" for note in table.notes))
    parts.append(missing_text(table))
    return "\n\n".join(part for part in parts if part)


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


HEADER = (
    *("table", "part", "group", "setting", "row", "kind", "dataset", "metric"),
    *("mean", "sd", "n", "mark", "paper_mean", "paper_sd", "paper_mark"),
    *("stars", "paper_stars", "t_low", "t_high", "p", "p_holm", "p_sign_flip"),
    *("image_difference", "image_low", "image_high", "images", "image_groups"),
)


def csv_text(tables: Sequence[Table]) -> str:
    """Return every number of the tables in long form; `group` is the place of the setting among those of the tables.

    Percent, differences in percentage points, Table 5 in images; an empty field is a missing number.
    """
    settings = distinct(table.heading for table in tables)
    rows = [
        {
            "table": table.name,
            "part": table.title,
            "group": settings.index(table.heading) + 1,
            "setting": table.heading,
            **found,
        }
        for table in tables
        for line in table.lines
        for found in _rows(table, line)
    ]
    frame = pd.DataFrame(rows, columns=list(HEADER), dtype=object)
    return frame.where(frame != "", None).to_csv(index=False, lineterminator="\n")


def _rows(table: Table, line: Line) -> Iterator[dict[str, str]]:
    compared = {Place(one.dataset, one.metric): one for one in table.comparisons if one.name == line.name}
    for place, entry in line.entries.items():
        row = {"row": line.name, "kind": line.kind, **place._asdict(), **_entry(entry)}
        yield row | (_comparison(compared[place]) if line.kind == "difference" else {})


def _entry(entry: Entry) -> dict[str, str]:
    ours = entry.ours
    return {
        "mean": _number(ours.mean),
        "sd": _number(ours.sd),
        "n": str(ours.n if ours.mean is not None else 0),
        "mark": entry.mark,
        "paper_mean": _number(entry.paper_mean),
        "paper_sd": _number(entry.paper.sd if isinstance(entry.paper, PaperCell) else None),
        "paper_mark": entry.paper_mark,
    }


def _comparison(one: Comparison) -> dict[str, str]:
    images, interval = one.over_images, one.interval
    bootstrap = images.interval if images else None
    return {
        "stars": one.delta.stars,
        "paper_stars": one.paper.stars if one.paper else "",
        "t_low": _number(interval.low if interval else None),
        "t_high": _number(interval.high if interval else None),
        "p": _digits(one.p),
        "p_holm": _digits(one.holm_p),
        "p_sign_flip": _digits(one.flip.p if one.flip else None),
        "image_difference": _number(images.difference if images else None),
        "image_low": _number(bootstrap.low if bootstrap else None),
        "image_high": _number(bootstrap.high if bootstrap else None),
        "images": str(images.images) if images else "",
        "image_groups": str(images.groups) if images else "",
    }


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


FORMS = {"md": markdown, "tex": latex, "csv": csv_text}
"""Ending of a file -> what writes tables in that form."""


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
