"""A table as data: places, lines, entries and what is said below them, whatever text is made of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from medloc.report.cells import Cell, Count, Delta, Mark
from medloc.report.missing import Missing
from medloc.report.paper import PaperCell, PaperDifference
from medloc.report.rows import DATASETS
from medloc.report.table_differences import Comparison

COLUMNS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP", "train": "Train", "test": "Test"}
"""Metric or part in a record -> its name in the paper's tables."""

Kind = Literal["trained", "untrained", "added", "difference"]
"""A trained row, one that nothing was trained for, one of ours that no run fills, or a difference of two rows."""


class Place(NamedTuple):
    """A column: data set and metric (Table 5: part), by their names in a record."""

    dataset: str
    metric: str


@dataclass(frozen=True)
class Entry:
    """Ours and the paper's number at one place of a line.

    Attributes:
        ours: Our number; prints "-" where it is missing.
        paper: The paper's; None where it has none.
        mark: Whether ours is the best or second best of the trained lines.
        paper_mark: Likewise for the paper's.
    """

    ours: Cell | Delta | Count
    paper: PaperCell | PaperDifference | Count | None = None
    mark: Mark = ""
    paper_mark: Mark = ""

    @property
    def paper_mean(self) -> float | None:
        """The paper's number without what stands around it; None where it has none."""
        if self.paper is None:
            return None
        return self.paper.points if isinstance(self.paper, PaperDifference) else self.paper.mean


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        name: What stands in front.
        kind: What kind of line it is.
        entries: The entries; a place that is not among them is none of the line's and stays empty.
        facts: What else is said of the line, one text for each of the table's facts; "" for nothing.
    """

    name: str
    kind: Kind
    entries: dict[Place, Entry]
    facts: tuple[str, ...] = ()


class Block(NamedTuple):
    """Lines and columns that are printed together; a table of several metrics has one block a data set."""

    title: str
    columns: tuple[tuple[str, Place], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """One table of one group.

    Attributes:
        name: Of its files: "table1".
        title: What it shows ("Table 1: every method on every data set").
        heading: What the numbers stand for ("phantom data, tiny models, train=tiny, 400 steps").
        legend: How to read an entry.
        places: The columns.
        facts: Headings of what is said of each line besides.
        lines: The lines.
        comparisons: What the seeds and the images say about differences of lines.
        notes: What a reader must know, one text each.
        missing: The runs it still needs, with the commands that make them.
        lacking: Rows that this checkout cannot run.
        reproduce: The command that makes all missing runs; "" where there is none.
        what: What a line is, the heading of its name.
    """

    name: str
    title: str
    heading: str
    legend: str
    places: tuple[Place, ...]
    facts: tuple[str, ...]
    lines: tuple[Line, ...]
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    lacking: tuple[str, ...] = ()
    reproduce: str = ""
    what: str = "Method"

    @property
    def has_paper(self) -> bool:
        """Tell whether the paper has any number of this table."""
        return any(entry.paper is not None for line in self.lines for entry in line.entries.values())

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Split the table for printing: by data set where it has several metrics, else not at all."""
        metrics = distinct(place.metric for place in self.places)
        if len(metrics) == 1:
            columns = tuple((f"{DATASETS[place.dataset]} {COLUMNS[place.metric]}", place) for place in self.places)
            return (Block("", columns, self.lines),) if columns else ()
        return tuple(self._block(dataset) for dataset in distinct(place.dataset for place in self.places))

    def _block(self, dataset: str) -> Block:
        columns = tuple((COLUMNS[place.metric], place) for place in self.places if place.dataset == dataset)
        places = {place for _, place in columns}
        return Block(DATASETS[dataset], columns, tuple(line for line in self.lines if places & line.entries.keys()))


def distinct(names: Iterable[str]) -> list[str]:
    """Return every name once, in the order of their first."""
    return list(dict.fromkeys(names))
