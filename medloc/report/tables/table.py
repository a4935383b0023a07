"""Tables as data: each number beside the paper's, and what is said above and below them."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

from medloc.report.values import Missing

MISSING = "-"
COLUMNS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP", "train": "Train", "test": "Test"}
"""Metric or part in a record -> its name in the paper's tables."""
PARTS = ("train", "test")
"""The columns of Table 5, which counts images."""

Kind = Literal["trained", "untrained", "added", "difference"]
"""A trained row, one that nothing was trained for, one of ours that no run fills, or a difference of two rows."""
Mark = Literal["", "best", "second"]
Name = TypeVar("Name")


class Number(NamedTuple):
    """One number of ours beside the paper's: a row of a table's CSV file.

    Percent, differences in percentage points, Table 5 in images; None is a missing number.

    Attributes:
        row: The line of the table.
        kind: What kind of line it is.
        dataset: As a record names it.
        metric: Metric as a record names it; in Table 5 "train" or "test".
        mean: Mean over seeds; of a difference over the seeds that both rows have.
        sd: Standard deviation of the sample (ddof = 1); None below two seeds.
        n: Number of seeds; 0 without a number.
        mark: Whether ours is the best or second best of the trained lines.
        paper_mean: The paper's number; None where it prints none.
        paper_sd: Its standard deviation; None where none is printed.
        paper_mark: As `mark`, for the paper's.
        stars: "", "*", "**" or "***" of the paired t-test.
        paper_stars: As the paper prints them.
        t_low: Lower end of the difference's 95 % t-interval; None below two seeds.
        t_high: Upper end.
        p: Two-tailed p-value of the paired t-test; None below two seeds and where all differences are equal.
        p_holm: p after Holm's correction over all differences of the table.
        p_sign_flip: p of the sign-flip test; None below two seeds.
        image_difference: Mean over seeds and images, the seeds held fixed; None where the images are not at hand.
        image_low: Lower end of its 95 % bootstrap interval over lesions or patients; None where there is only one.
        image_high: Upper end.
        images: Number of images.
        image_groups: Number of lesions or patients.
    """

    row: str
    kind: Kind
    dataset: str
    metric: str
    mean: float | None = None
    sd: float | None = None
    n: int = 0
    mark: Mark = ""
    paper_mean: float | None = None
    paper_sd: float | None = None
    paper_mark: Mark = ""
    stars: str = ""
    paper_stars: str = ""
    t_low: float | None = None
    t_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_sign_flip: float | None = None
    image_difference: float | None = None
    image_low: float | None = None
    image_high: float | None = None
    images: int | None = None
    image_groups: int | None = None

    @property
    def text(self) -> str:
        """Ours as printed: "93.00 ± 3.61 (3)", a difference "+1.60** (3)", a count "544", "-" where it is missing."""
        if self.mean is None or self.metric in PARTS:
            return MISSING if self.mean is None else str(self.mean)
        if self.kind == "difference":
            return f"{self.mean:+.2f}{self.stars} ({self.n})"
        return f"{_with_sd(self.mean, self.sd)} ({self.n})"

    @property
    def paper_text(self) -> str:
        """The paper's number as printed; "" where it has none."""
        if self.paper_mean is None or self.metric in PARTS:
            return "" if self.paper_mean is None else str(self.paper_mean)
        if self.kind == "difference":
            return f"{self.paper_mean:+.2f}{self.paper_stars}"
        return _with_sd(self.paper_mean, self.paper_sd)


def _with_sd(mean: float, sd: float | None) -> str:
    return f"{mean:.2f}" if sd is None else f"{mean:.2f} ± {sd:.2f}"


def over_seeds(fractions: Sequence[float]) -> tuple[float | None, float | None, int]:
    """Return mean and standard deviation (ddof = 1) in percent, and N, of one fraction a seed."""
    mean = 100 * statistics.fmean(fractions) if fractions else None
    return mean, 100 * statistics.stdev(fractions) if len(fractions) > 1 else None, len(fractions)


def mean_text(fractions: Sequence[float]) -> str:
    """Return "mean ± sd (N)" in percent with two decimals, without ± where N = 1, "-" without a value."""
    return Number("", "trained", "", "", *over_seeds(fractions)).text


def once_if_equal(values: Iterable[float]) -> tuple[float, ...]:
    """Return the values, those that no seed moves once: all equal, they count as one."""
    found = tuple(values)
    return found[:1] if len(set(found)) == 1 else found


def marks(means: Mapping[Name, float | None]) -> dict[Name, Mark]:
    """Return which names have the best and which the second-best mean, as printed with two decimals.

    Equal means share their mark; a name without a mean has none, and a single one has none to be better than.
    """
    printed = {name: round(mean, 2) for name, mean in means.items() if mean is not None}
    ranks: list[Mark] = ["best", "second"]
    order = dict(zip(sorted(set(printed.values()), reverse=True), ranks, strict=False))
    return {name: order.get(value, "") for name, value in printed.items()} if len(printed) > 1 else {}


@dataclass(frozen=True)
class Table:
    """One table of one group.

    Attributes:
        name: Of its files: "table1".
        title: What it shows ("Table 1: every method on every data set").
        heading: What the numbers stand for ("phantom data, tiny models, train=tiny, 400 steps").
        legend: How to read an entry.
        numbers: Line by line. A data set and metric that a line has no number for stays empty there.
        facts: What else is said of each line: heading of the column -> line -> text.
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
    numbers: tuple[Number, ...]
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    lacking: tuple[str, ...] = ()
    reproduce: str = ""
    what: str = "Method"

    @property
    def compared(self) -> list[Number]:
        """The differences of lines that have a value."""
        return [number for number in self.numbers if number.kind == "difference" and number.n]


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
