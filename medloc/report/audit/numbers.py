"""Numbers against numbers: differences, stars, systems with several values, statistics, and counts of images."""

import math
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from scipy import stats

from medloc.report.groups import DATASETS
from medloc.report.paper import (
    ACCURACY_TABLES,
    METRICS,
    SETS,
    Cells,
    PaperCell,
    PaperCount,
    PaperDifference,
    class_counts,
    paper_table,
    paper_text,
)

ROUNDING = 0.01
"""Two printed numbers of two decimals can be this far from their true difference or sum."""

LEVELS = {"***": 0.001, "**": 0.01, "*": 0.05, "": 1.0}
TOTAL = "Total"
SHARE_OFF = 0.01


class Finding(NamedTuple):
    """One disagreement of the paper with itself.

    Attributes:
        kind: One of `medloc.report.audit.KINDS`.
        place: Table or section.
        printed: The paper's number or sentence.
        follows: What the paper's other numbers say.
    """

    kind: str
    place: str
    printed: str
    follows: str


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


def check_numbers() -> Iterator[Finding]:
    """Yield the findings of kinds "difference" (in sentences), "value", "row" and "spread"."""
    yield from _differences_in_sentences()
    yield from _same_systems()
    yield from _unnamed_schedule()
    yield from _missing_spread()
    yield from _missing_tests()


def _differences_in_sentences() -> Iterator[Finding]:
    for entry in paper_text()["differences"]:
        first, second = (paper_table(number).rows[row][d][metric] for number, row, d, metric in entry["cells"])
        recomputed = round(first.mean - second.mean, 2)
        if recomputed != entry["printed"]:
            follows = f"{first.mean:.2f} − {second.mean:.2f} = {recomputed:.2f}"
            yield Finding("difference", entry["place"], f"“{entry['quote']}”", follows)


def _same_systems() -> Iterator[Finding]:
    for system, rows in paper_text()["same"].items():
        for dataset, metric in ((dataset, metric) for dataset in SETS for metric in METRICS):
            printed: dict[float, list[str]] = {}
            for number, row in rows:
                cell = paper_table(number).cell(row, dataset, metric)
                if cell:
                    printed.setdefault(cell.mean, []).append(f"Table {number} {row}")
            if len(printed) > 1:
                numbers = "; ".join(f"{value:.2f} ({', '.join(names)})" for value, names in printed.items())
                follows = f"one value is due; these lie up to {max(printed) - min(printed):.2f} apart"
                yield Finding("value", f"{system}, {DATASETS[dataset]} {METRICS[metric]}", numbers, follows)


def _unnamed_schedule() -> Iterator[Finding]:
    """Look for the row of Table 1 that a row without its schedule repeats."""
    entry = paper_text()["unnamed_schedule"]
    number, name = entry["row"]
    row, default = paper_table(number).rows[name], entry["default"]
    repeats = [other for other, found in paper_table(1).rows.items() if _means(found, row) == _means(row, row)]
    if repeats != [default]:
        printed = ", ".join(f"{mean:.2f}" for mean in _means(row, row))
        usual = ", ".join(f"{mean:.2f}" for mean in _means(paper_table(1).rows[default], row))
        follows = f"digit by digit Table 1's {' and '.join(repeats) or 'no row'}, not its {default} ({usual})"
        yield Finding("row", f"Table {number}, {name}", printed, follows)


def _means(row: Cells, like: Cells) -> list[float]:
    """Return a row's means at the data sets and metrics of another."""
    return [row[dataset][metric].mean for dataset, line in like.items() for metric in line]


def _missing_spread() -> Iterator[Finding]:
    tables = [paper_table(number) for number in ACCURACY_TABLES]
    silent = [table.number for table in tables if all(cell.sd is None for *_, cell in table.cells())]
    if silent:
        printed = "“We run all experiments with three random seeds and report the average and standard deviation”"
        follows = f"Tables {', '.join(map(str, silent))} print no standard deviation"
        yield Finding("spread", "Section 4.1", printed, follows)


def _missing_tests() -> Iterator[Finding]:
    tested = set(chain.from_iterable(paper_table(1).pairs.values()))
    untested = [row for row in paper_text()["baselines"] if row not in tested]
    if untested:
        printed = "“significance analysis via paired two-tailed t-tests against each baseline”"
        yield Finding("spread", "Section 4.1", printed, f"Table 1 has no Δ row against {' and '.join(untested)}")


def check_counts() -> Iterator[Finding]:
    """Yield the findings of kind "count"."""
    for dataset in SETS:
        yield from _class_sums(dataset)
        yield from _splits(dataset)
    yield from _unreachable()


def reachable(percent: float, images: int, runs: int) -> bool:
    """Tell whether an accuracy of two decimals can be the mean of `runs` runs over `images` test images.

    A mean of accuracies is k / (runs · images) for a whole k. The printed value may be up to 0.01 away: by half of that
    if only the mean was rounded, by all of it if every run was rounded first.
    """
    whole, hundredths = runs * images, round(100 * percent)
    nearest = round(hundredths * whole / 10_000)
    return abs(10_000 * nearest - hundredths * whole) <= whole


def _sums(dataset: str) -> PaperCount:
    classes = [count for name, count in class_counts()[dataset].items() if name != TOTAL]
    return PaperCount(sum(count.train for count in classes), sum(count.test for count in classes))


def _class_sums(dataset: str) -> Iterator[Finding]:
    printed, sums = class_counts()[dataset][TOTAL], _sums(dataset)
    for part in PaperCount._fields:
        total, added = getattr(printed, part), getattr(sums, part)
        if total != added:
            classes = [getattr(count, part) for name, count in class_counts()[dataset].items() if name != TOTAL]
            follows = (
                f"the classes add up to {' + '.join(map(str, classes))} = {added}{_which_fits(dataset, total, added)}"
            )
            yield Finding("count", f"Table 5, {DATASETS[dataset]}, {part}", f"total {total}", follows)


def _which_fits(dataset: str, *sizes: int) -> str:
    """Say how many of Table 1's accuracies each number of test images can give."""
    runs = paper_text()["runs"]
    values = [cell.mean for _, d, metric, cell in paper_table(1).cells() if d == dataset and metric != "map"]
    fits = [f"{sum(reachable(value, size, runs) for value in values)} with {size} images" for size in sizes]
    return f"; of Table 1's {len(values)} accuracies there, {' and '.join(fits)} can be counted"


def _splits(dataset: str) -> Iterator[Finding]:
    found, printed = paper_text()["counts"][dataset], class_counts()[dataset]
    place, parts = f"Appendix A, {DATASETS[dataset]}", found["parts"]
    if tuple(parts["used"]) != printed[TOTAL]:
        yield Finding("count", place, f"{parts['used']} images", f"Table 5 has {list(printed[TOTAL])}")
    if found["images"] not in [sum(part) for part in parts.values()]:
        yield Finding("count", place, f"{found['images']} images", f"its splits are {list(parts.values())}")
    for name, images in found.get("classes", {}).items():
        if images != sum(printed[name]):
            yield Finding("count", place, f"{images} {name}", f"Table 5 has {list(printed[name])}")
    train, test = parts["used"]
    share = train / (train + test)
    if abs(share - paper_text()["train_share"]) > SHARE_OFF:
        printed_share = "“All datasets are randomly split into training and testing subsets with an 8:2 ratio”"
        origin = ", an official split" if "official" in parts else ""
        follows = f"{DATASETS[dataset]}: {train}:{test} is {10 * share:.1f}:{10 * (1 - share):.1f}{origin}"
        yield Finding("count", "Section 4.1", printed_share, follows)


def _unreachable() -> Iterator[Finding]:
    runs = paper_text()["runs"]
    for number in ACCURACY_TABLES:
        for dataset in SETS:
            sizes = sorted({class_counts()[dataset][TOTAL].test, _sums(dataset).test})
            cells = [
                f"{cell.mean:.2f} ({row}, {METRICS[metric]})"
                for row, d, metric, cell in paper_table(number).cells()
                if d == dataset and metric != "map" and not any(reachable(cell.mean, size, runs) for size in sizes)
            ]
            if cells:
                images = " or ".join(map(str, sizes))
                follows = f"no {runs} runs over {images} test images have such a mean, even if each was rounded first"
                yield Finding("count", f"Table {number}, {DATASETS[dataset]}", ", ".join(cells), follows)
