"""`report.html`: everything on one page that opens from disk, without scripts and without anything from elsewhere."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from medloc import __version__
from medloc.report.claims import FAILS, HOLDS, MISSING, UNDECIDED
from medloc.report.claims.read import UNTESTABLE
from medloc.report.figures.files import Drawn
from medloc.report.figures.style import GRID, INK, PAPER, QUIET
from medloc.report.frame import DATASETS, origins
from medloc.report.tables.table import Table, TextTable
from medloc.report.tables.writers import comparison_grids, comparisons_text, main_grids
from medloc.report.values import Missing, Values, unavailable
from medloc.runs import Found

TEMPLATES = Path(__file__).with_name("templates")
SECTIONS = {
    "tables": "Tables",
    "figures": "Figures",
    "folds": "Cross-validation",
    "sparsity": "Groups that teach nothing",
    "heights": "Where the threshold stood",
    "claims": "Claims ledger",
    "audit": "Audit of the paper",
    "missing": "What is missing",
    "provenance": "Provenance",
}
MARKS = {"best": "b", "second": "u"}
VERDICTS = {HOLDS: "good", FAILS: "bad", UNDECIDED: "open", MISSING: "open", UNTESTABLE: "open"}
"""Verdict of a claim -> its colour on the page."""

COLORS = {INK: "currentColor", QUIET: "var(--quiet)", GRID: "var(--line)", PAPER: "var(--card)"}
"""Colour in a figure's file -> the page's own, which follows the reader's light or dark."""

PIXELS = 96 / 72  # CSS pixels in a point


class Ledger(NamedTuple):
    """The claims held against one group: claim by claim, comparison by comparison, and whether any could be."""

    claims: TextTable
    comparisons: TextTable
    tested: bool


@dataclass(frozen=True)
class Content:
    """What stands on the page.

    Attributes:
        found: The records, and what could not be read.
        values: The groups, the one that the page is about first.
        tables: In the order of printing.
        figures: Likewise.
        claims: The claims ledger, for each group.
        sparsity: Groups that taught nothing, and the course of tau, for each group with such runs.
        heights: Accuracies by the height of tau late in training, for each group with such runs.
        audit: The paper's numbers against each other.
        folds: The runs over folds of a data set, scored as one; None where nothing ran on folds.
    """

    found: Found
    values: Sequence[Values]
    tables: Sequence[Table]
    figures: Sequence[Drawn]
    claims: Sequence[Ledger]
    sparsity: Sequence[TextTable]
    heights: Sequence[TextTable]
    audit: TextTable
    folds: TextTable | None = None


def page(content: Content) -> str:
    """Return the page; every text in it is escaped, above all what a model wrote."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    first = content.values[0]
    complete = [record for record in content.found.records if record.status == "complete"]
    missing = missing_count(first)
    said = [text for ledger in content.claims[:1] for row in ledger.claims.rows for text in row]
    tiles = [(len(complete), "complete runs"), (missing, "runs missing")]
    tiles += [(said.count(word), f"claims: {word}") for word in VERDICTS if word in said]
    tiles.append((len(content.audit.rows), "findings of the audit"))
    failed = [f"{record.key}: {record.reason}" for record in content.found.records if record.status == "failed"]
    unread = [problem for values in content.values for problem in values.problems]
    shared: dict[str, list[str]] = {}  # heading of a group -> the notes that stand below all of its tables
    for table in content.tables:
        shared[table.heading] = [note for note in shared.get(table.heading, table.notes) if note in table.notes]
    rendered = environment.get_template("report.html.j2").render(
        content=content,
        version=__version__,
        heading=first.group.heading,
        tiny=(first.group.setting.kind, first.group.setting.family) == ("phantom", "tiny"),
        sections=[section for section in SECTIONS.items() if section[0] != "folds" or content.folds],
        marks=MARKS,
        verdicts=VERDICTS,
        datasets=DATASETS,
        tiles=tiles,
        shared=shared,
        main_grids=main_grids,
        comparison_grids=comparison_grids,
        comparisons_text=comparisons_text,
        inline_svg=inline_svg,
        missing=[*_missing(content)],
        missing_count=missing,
        reproduce=first.reproduce("table1").replace(" table1", " all"),  # what makes one makes the others
        lacking=sorted({name for table in content.tables for name in table.lacking}),
        provenance=origins(complete),
        problems=[*failed, *content.found.problems, *unread],
    )
    return rendered + "\n"


def _missing(content: Content) -> Iterator[tuple[str, int, Sequence[Missing]]]:
    """Yield the tables and figures that lack runs, how many, and the commands that make them."""
    parts = [(f"{table.title}; {table.heading}", table.missing) for table in content.tables]
    parts += [(f"{figure.title}; {figure.heading}", figure.missing) for figure in content.figures]
    for title, missing in dict(parts).items():  # a table of ours is a figure, too
        if missing:
            runs = sum(len(one.datasets) * len(one.seeds) for one in missing)
            yield title, runs, missing


def missing_count(values: Values) -> int:
    """Count the distinct runs that all experiments together lack, of rows that this checkout can run."""
    runs = set()
    for name, experiment in values.experiments.items():
        lacking = unavailable(experiment.rows)
        for row in experiment.rows:
            runs |= set() if row.name in lacking else set(values.missing_of(name, row))
    return len(runs)


def inline_svg(figure: Drawn) -> tuple[Markup, int]:
    """Return a figure as wide as its place, with the page's colours, and with ids that no other figure has.

    Args:
        figure: One that was drawn; matplotlib wrote its SVG file.

    Returns:
        The SVG element, and its natural width in CSS pixels.

    Raises:
        ValueError: The file does not say its width in points.
    """
    text = figure.svg.read_text(encoding="utf-8") if figure.svg else ""
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, close, body = text.partition(">")
    width = re.search(r' width="([\d.]+)pt"', head)
    if width is None:
        raise ValueError(f"{figure.name}: not an SVG of matplotlib, which says its width in points.")
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: f' id="{figure.name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{figure.name}-", body)
    for color, own in COLORS.items():
        body = body.replace(color, own)
    label = f' role="img" aria-label="{Markup.escape(f"{figure.title}; {figure.heading}")}"'
    return Markup(f"{head}{label}{close}{body}".rstrip()), round(float(width[1]) * PIXELS)
