"""What stands in a table: mean and standard deviation over seeds, a difference, a count; and which is best."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

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
