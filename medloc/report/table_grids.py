"""A table as grids of short texts with marks: the one form behind Markdown, LaTeX and the page."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from medloc.report.cells import MISSING, Mark
from medloc.report.rows import DATASETS
from medloc.report.stats import Interval
from medloc.report.table_differences import Comparison
from medloc.report.tables import COLUMNS, Block, Entry, Line, Place, Table, distinct


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
        _p(one.flip_p),
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
