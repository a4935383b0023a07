"""`report.html`: everything on one page that opens from disk, without scripts and without anything from elsewhere."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from medloc import __version__
from medloc.report.claims.read import UNTESTABLE
from medloc.report.claims.verdict import FAILS, HOLDS, MISSING, UNDECIDED
from medloc.report.figures.files import Drawn
from medloc.report.figures.style import GRID, INK, PAPER, QUIET
from medloc.report.frame import origins
from medloc.report.groups import DATASETS
from medloc.report.tables.table import Table, TextTable
from medloc.report.tables.writers import comparison_grids, comparisons_text, main_grids
from medloc.report.values import Values, unavailable
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


class Picture(NamedTuple):
    """An SVG element, and its natural width in CSS pixels."""

    element: Markup
    width: int


class Placed(NamedTuple):
    """A figure and what its numbers stand for."""

    heading: str
    figure: Drawn


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
    figures: Sequence[Placed]
    claims: Sequence[Ledger]
    sparsity: Sequence[TextTable]
    heights: Sequence[TextTable]
    audit: TextTable
    folds: TextTable | None = None


def page(content: Content) -> str:
    """Return the page; every text in it is escaped, above all what a model wrote."""
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2").render(_context(content)) + "\n"


def _context(content: Content) -> dict[str, Any]:
    first = content.values[0]
    complete = [record for record in content.found.records if record.status == "complete"]
    missing = missing_count(first)
    return {
        "version": __version__,
        "heading": first.group.heading,
        "tiny": (first.group.setting.kind, first.group.setting.family) == ("phantom", "tiny"),
        "sections": [section for section in SECTIONS.items() if section[0] != "folds" or content.folds],
        "marks": MARKS,
        "verdicts": VERDICTS,
        "tiles": _tiles(content, len(complete), missing),
        "tables": _tables(content.tables),
        "shared": _shared_notes(content.tables).items(),
        "figures": [_figure(*placed) for placed in content.figures],
        "claims": content.claims,
        "folds": content.folds,
        "sparsity": content.sparsity,
        "heights": content.heights,
        "audit": content.audit,
        "missing": [*_missing(content)],
        "missing_count": missing,
        "reproduce": first.reproduce("table1").replace(" table1", " all"),  # what makes one makes the others
        "lacking": sorted({name for table in content.tables for name in table.lacking}),
        "provenance": origins(complete),
        "problems": _problems(content),
    }


def _tiles(content: Content, complete: int, missing: int) -> list[dict[str, Any]]:
    said = [text for ledger in content.claims[:1] for row in ledger.claims.rows for text in row]
    tiles = [(complete, "complete runs"), (missing, "runs missing"), (len(content.audit.rows), "findings of the audit")]
    tiles[2:2] = [(said.count(word), f"claims: {word}") for word in VERDICTS if word in said]
    return [{"number": number, "words": words} for number, words in tiles]


def _tables(tables: Sequence[Table]) -> list[dict[str, Any]]:
    shared = _shared_notes(tables)
    return [
        {
            "id": f"{table.name}-{place}",
            "title": table.title,
            "heading": table.heading,
            "legend": table.legend,
            "grids": main_grids(table),
            "compared": comparison_grids(table),
            "comparing": comparisons_text(table),
            "notes": [note for note in table.notes if note not in shared[table.heading]],
        }
        for place, table in enumerate(tables, start=1)
    ]


def _shared_notes(tables: Sequence[Table]) -> dict[str, list[str]]:
    """Return, for each group's heading, the notes that stand below all of its tables."""
    shared: dict[str, list[str]] = {}
    for table in tables:
        shared[table.heading] = [note for note in shared.get(table.heading, table.notes) if note in table.notes]
    return shared


def _figure(heading: str, figure: Drawn) -> dict[str, Any]:
    picture = None
    if figure.svg:
        picture = inline_svg(figure.svg.read_text(encoding="utf-8"), figure.name, f"{figure.title}; {heading}")
    return {
        "id": figure.name,
        "title": figure.title,
        "heading": heading,
        "shows": figure.shows,
        "reading": figure.reading,
        "picture": picture,
        "lacking": figure.lacking,
        "answers": [*_answers(figure)],
    }


def _answers(figure: Drawn) -> Iterator[dict[str, str]]:
    for strip in figure.gallery.strips if figure.gallery else ():
        for one in strip.shown:
            for answer in one.answers:
                overlap = f"{answer.iou:.3f}" if answer.box else "no box"
                image = f"{DATASETS[strip.dataset]} {one.id}"
                yield {"image": image, "why": one.why, "row": answer.row, "iou": overlap, "text": answer.text}


def _missing(content: Content) -> Iterator[dict[str, Any]]:
    """Yield the tables and figures that lack runs, with the commands that make them."""
    parts = [(f"{table.title}; {table.heading}", table.missing) for table in content.tables]
    parts += [(f"{figure.title}; {heading}", figure.missing) for heading, figure in content.figures]
    for title, missing in dict(parts).items():  # a table of ours is a figure, too
        if missing:
            runs = sum(len(one.datasets) * len(one.seeds) for one in missing)
            yield {"title": title, "runs": runs, "commands": missing}


def missing_count(values: Values) -> int:
    """Count the distinct runs that all experiments together lack, of rows that this checkout can run."""
    runs = set()
    for name, experiment in values.experiments.items():
        lacking = unavailable(experiment.rows)
        for row in experiment.rows:
            runs |= set() if row.name in lacking else set(values.missing_of(name, row))
    return len(runs)


def _problems(content: Content) -> list[str]:
    failed = [f"{record.key}: {record.reason}" for record in content.found.records if record.status == "failed"]
    return [*failed, *content.found.problems, *(problem for values in content.values for problem in values.problems)]


def inline_svg(text: str, name: str, title: str) -> Picture:
    """Return a figure as wide as its place, with the page's colours, and with ids that no other figure has.

    Args:
        text: The content of an SVG file that matplotlib wrote.
        name: Distinguishes its ids.
        title: What a reader who cannot see it hears.
    """
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, close, body = text.partition(">")
    width = re.search(r' width="([\d.]+)pt"', head)
    if width is None:
        raise ValueError(f"{name}: not an SVG of matplotlib, which says its width in points.")
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{name}-", body)
    for color, own in COLORS.items():
        body = body.replace(color, own)
    label = f' role="img" aria-label="{Markup.escape(title)}"'
    return Picture(Markup(f"{head}{label}{close}{body}".rstrip()), round(float(width[1]) * PIXELS))
