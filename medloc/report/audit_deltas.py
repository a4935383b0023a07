"""Table 1's Δ rows: differences that are none of the printed values, stars that no paired values can earn."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from scipy import stats

from medloc.report.finding import Finding
from medloc.report.groups import DATASETS
from medloc.report.paper import METRICS, PaperCell, PaperDifference, paper_table, paper_text

ROUNDING = 0.01  # two printed numbers of two decimals can be this far from their true difference or sum
LEVELS = {"***": 0.001, "**": 0.01, "*": 0.05, "": 1.0}


class Delta(NamedTuple):
    """One cell of a Δ row with the two cells that it subtracts."""

    place: str
    printed: PaperDifference
    first: PaperCell
    second: PaperCell

    @property
    def recomputed(self) -> float:
        """First minus second, in points with two decimals."""
        return round(self.first.mean - self.second.mean, 2)


def check_deltas() -> Iterator[Finding]:
    """Yield the findings of kinds "difference" and "stars" in Table 1."""
    runs = paper_text()["runs"]
    for delta in deltas():
        if delta.recomputed != delta.printed.points:
            follows = f"{delta.first.mean:.2f} − {delta.second.mean:.2f} = {delta.recomputed:.2f}"
            yield Finding("difference", delta.place, str(delta.printed), follows)
        yield from _stars(delta, runs)


def deltas() -> Iterator[Delta]:
    """Yield every cell of the Δ rows, in the order of printing."""
    table = paper_table(1)
    for name, sets in table.differences.items():
        first, second = (table.rows[row] for row in table.pairs[name])
        for dataset, line in sets.items():
            for metric, printed in line.items():
                place = f"Table 1, Δ ({name}), {DATASETS[dataset]} {METRICS[metric]}"
                yield Delta(place, printed, first[dataset][metric], second[dataset][metric])


def t_bounds(difference: float, first_sd: float, second_sd: float, n: int = 3) -> tuple[float, float]:
    """Return the least and the greatest |t| that n paired values with these printed sds can have.

    t = Δ·√n / s_d, and the standard deviation of paired differences lies between |s₁ − s₂| (the pairs move together)
    and s₁ + s₂ (they move against each other). Rounding of the printed numbers is granted in both directions.
    """
    root, nearest, farthest = math.sqrt(n), abs(first_sd - second_sd) - ROUNDING, first_sd + second_sd + ROUNDING
    greatest = (abs(difference) + ROUNDING) * root / nearest if nearest > 0 else math.inf
    return max(0.0, abs(difference) - ROUNDING) * root / farthest, greatest


def t_needed(stars: str, n: int = 3) -> float:
    """Return the |t| that n pairs need for these stars, two-tailed: 4.30, 9.92 and 31.60 for n = 3."""
    return float(stats.t.isf(LEVELS[stars] / 2, n - 1))


def _stars(delta: Delta, n: int) -> Iterator[Finding]:
    if delta.first.sd is None or delta.second.sd is None:
        return
    smaller, larger = sorted((abs(delta.printed.points), abs(delta.recomputed)))
    least, _ = t_bounds(smaller, delta.first.sd, delta.second.sd, n)
    _, greatest = t_bounds(larger, delta.first.sd, delta.second.sd, n)
    spread = f"{n} pairs with sds {delta.first.sd:.2f} and {delta.second.sd:.2f}"
    printed, needed = delta.printed.stars, t_needed(delta.printed.stars, n)
    due = next(stars for stars in LEVELS if least >= t_needed(stars, n))
    if greatest < needed:
        follows = f"{spread} reach |t| ≤ {greatest:.2f}; {printed} needs {needed:.2f}"
        yield Finding("stars", delta.place, str(delta.printed), follows)
    elif len(due) > len(printed):
        follows = f"{spread} have |t| ≥ {least:.2f}, beyond {t_needed(due, n):.2f}: {due} is due"
        yield Finding("stars", delta.place, str(delta.printed), follows)
