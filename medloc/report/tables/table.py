"""Tables as data: what stands in a field, lines, columns, and what is said below, whatever text is made of them."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from medloc.report.groups import DATASETS
from medloc.report.paper import PaperCell, PaperDifference
from medloc.report.stats import Interval, SignFlip
from medloc.report.values import Missing

MISSING = "-"

Mark = Literal["", "best", "second"]
Name = TypeVar("Name")


@dataclass(frozen=True)
class Cell:
    """One number of a table: its value for every seed, as fractions."""

    values: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        """Number of values."""
        return len(self.values)

    @property
    def mean(self) -> float | None:
        """Mean in percent; None without a value."""
        return 100 * statistics.fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Standard deviation of the sample (ddof = 1) in percent; None below two values."""
        return 100 * statistics.stdev(self.values) if self.n > 1 else None

    def __str__(self) -> str:
        """Return "mean ± sd (N)" with two decimals, without ± where N = 1, "-" without a value."""
        if self.mean is None:
            return MISSING
        spread = "" if self.sd is None else f" ± {self.sd:.2f}"
        return f"{self.mean:.2f}{spread} ({self.n})"


@dataclass(frozen=True)
class Delta:
    """A difference of two rows, in percentage points, with the stars of its paired t-test.

    Attributes:
        mean: Mean over the seeds that both rows have; None where they share none.
        sd: Standard deviation of the differences; None below two seeds.
        n: Number of those seeds.
        stars: "", "*", "**" or "***".
    """

    mean: float | None = None
    sd: float | None = None
    n: int = 0
    stars: str = ""

    def __str__(self) -> str:
        """Return "+1.60** (3)", "-" without a common seed."""
        return MISSING if self.mean is None else f"{self.mean:+.2f}{self.stars} ({self.n})"


@dataclass(frozen=True)
class Count:
    """A number of images; None where they cannot be counted."""

    mean: int | None = None
    sd: None = None
    n: int = 1

    def __str__(self) -> str:
        """Return the number, "-" where there is none."""
        return MISSING if self.mean is None else str(self.mean)


def fixed_cell(values: Iterable[float]) -> Cell:
    """Return the cell of a number that no seed moves: values that are all equal count once."""
    found = tuple(values)
    return Cell(found[:1] if len(set(found)) == 1 else found)


def marks(means: Mapping[Name, float | None]) -> dict[Name, Mark]:
    """Return which names have the best and which the second-best mean, as printed with two decimals.

    Equal means share their mark; a name without a mean has none, and a single one has none to be better than.
    """
    printed = {name: round(mean, 2) for name, mean in means.items() if mean is not None}
    ranks: list[Mark] = ["best", "second"]
    order = dict(zip(sorted(set(printed.values()), reverse=True), ranks, strict=False))
    return {name: order.get(value, "") for name, value in printed.items()} if len(printed) > 1 else {}


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


class Pair(NamedTuple):
    """A difference that a table asks for.

    Attributes:
        name: Of its Δ row.
        minuend: Row from which is subtracted.
        subtrahend: Row that is subtracted.
        printed: The paper's name of this difference; "" for one that is ours.
    """

    name: str
    minuend: str
    subtrahend: str
    printed: str = ""


@dataclass(frozen=True)
class OverImages:
    """The difference as the test images see it, the seeds held fixed.

    Attributes:
        difference: Mean over seeds and images, in percentage points.
        interval: 95 % bootstrap interval over lesions or patients; None where there is only one.
        images: Number of images.
        groups: Number of lesions or patients.
    """

    difference: float
    interval: Interval | None
    images: int
    groups: int


@dataclass(frozen=True)
class Comparison:
    """A difference of two rows at one place, in percentage points.

    Attributes:
        name: Of its Δ row.
        dataset: As a record names it.
        metric: Likewise.
        delta: Mean over the seeds that both have, with the stars of the t-test.
        p: Two-tailed p-value of the paired t-test; None below two seeds and where all differences are equal.
        interval: 95 % t-interval; None below two seeds.
        flip: The sign-flip test; None below two seeds.
        holm_p: p after Holm's correction over all differences of the table.
        over_images: What the images say; None where they are not at hand.
        paper: The paper's difference and stars; None where it prints none.
    """

    name: str
    dataset: str
    metric: str
    delta: Delta
    p: float | None
    interval: Interval | None
    flip: SignFlip | None
    over_images: OverImages | None
    paper: PaperDifference | None
    holm_p: float | None = None


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


class TextTable(NamedTuple):
    """What the writers of Markdown and HTML print; nothing in it is escaped.

    Attributes:
        heading: Says what the rows stand for, the label of the data among it.
        header: One title per column.
        rows: As many texts each.
    """

    heading: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
