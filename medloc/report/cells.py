"""Mean and standard deviation over seeds, and how a table prints them."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

MISSING = "-"


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


def fixed_cell(values: Iterable[float]) -> Cell:
    """Return the cell of a number that no seed moves: values that are all equal count once."""
    found = tuple(values)
    return Cell(found[:1] if len(set(found)) == 1 else found)
