"""The audit: where the paper disagrees with itself, from its own numbers and sentences; our runs take no part."""

import math
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from scipy import stats

from medloc.curriculum.schedule import Linear
from medloc.report.claims.read import Comparison, paper_claims, printed_cell, printed_difference
from medloc.report.frame import DATASETS
from medloc.report.paper import (
    ACCURACY_TABLES,
    METRICS,
    SETS,
    Cells,
    PaperCell,
    PaperCount,
    class_counts,
    paper_table,
    paper_text,
)
from medloc.report.tables.table import TextTable

KINDS = {
    "difference": "a printed difference is not the difference of the printed values",
    "stars": "no paired values with the printed standard deviations earn the printed stars",
    "value": "one system has several values",
    "row": "a row is another row",
    "count": "printed counts do not add up, or no counts give the printed value",
    "setting": "settings disagree between sections",
    "spread": "announced statistics are not printed",
    "sentence": "a sentence disagrees with its table",
}
"""Kind of a finding -> what it means."""

SHOWN = 4  # raises of the linear schedule that are listed
STAGES = ("delta1", "delta2", "beta1", "beta2")
ROUNDING = 0.01
"""Two printed numbers of two decimals can be this far from their true difference or sum."""

LEVELS = {"***": 0.001, "**": 0.01, "*": 0.05, "": 1.0}
TOTAL = "Total"
SHARE_OFF = 0.01


class Finding(NamedTuple):
    """One disagreement of the paper with itself.

    Attributes:
        kind: One of `KINDS`.
        place: Table or section.
        printed: The paper's number or sentence.
        follows: What the paper's other numbers say.
    """

    kind: str
    place: str
    printed: str
    follows: str


def audit() -> list[Finding]:
    """Return every finding, by kind, within a kind in the paper's order."""
    found = [*check_deltas(), *check_numbers(), *check_counts(), *check_settings(), *check_sentences()]
    return sorted(found, key=lambda finding: list(KINDS).index(finding.kind))


def audit_table(findings: Sequence[Finding] | None = None) -> TextTable:
    """Return the findings as text; `findings` are those of `audit` where they are at hand."""
    found = audit() if findings is None else findings
    rows = [(each.place, each.printed, each.follows, each.kind) for each in found]
    heading = "Audit: the paper's own numbers against each other (no run of ours)"
    return TextTable(heading, ("Place", "Printed", "What follows", "Kind"), tuple(rows))


def check_deltas() -> Iterator[Finding]:
    """Yield the findings of kinds "difference" and "stars" in Table 1, in the order of printing."""
    table, runs = paper_table(1), paper_text()["runs"]
    for name, sets in table.differences.items():
        for dataset, metric, printed in (
            (d, metric, cell) for d, line in sets.items() for metric, cell in line.items()
        ):
            first, second = (table.rows[row][dataset][metric] for row in table.pairs[name])
            place = f"Table 1, Δ ({name}), {DATASETS[dataset]} {METRICS[metric]}"
            recomputed = round(first.mean - second.mean, 2)
            if recomputed != printed.points:
                yield Finding("difference", place, str(printed), _subtraction(first, second))
            if first.sd is not None and second.sd is not None:
                points = (abs(printed.points), abs(recomputed))
                follows = _stars_off(points, first.sd, second.sd, printed.stars, runs)
                yield from [Finding("stars", place, str(printed), follows)] if follows else []


def _subtraction(first: PaperCell, second: PaperCell) -> str:
    return f"{first.mean:.2f} − {second.mean:.2f} = {round(first.mean - second.mean, 2):.2f}"


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


def _stars_off(points: tuple[float, float], first_sd: float, second_sd: float, printed: str, n: int) -> str:
    """Say why no n pairs with these sds earn the printed stars, or are due more; "" where the stars may be right.

    `points` are the difference as printed and as recomputed; the paper gets the benefit of the other one.
    """
    least, _ = t_bounds(min(points), first_sd, second_sd, n)
    _, greatest = t_bounds(max(points), first_sd, second_sd, n)
    spread, needed = f"{n} pairs with sds {first_sd:.2f} and {second_sd:.2f}", t_needed(printed, n)
    due = next(stars for stars in LEVELS if least >= t_needed(stars, n))
    if greatest < needed:
        return f"{spread} reach |t| ≤ {greatest:.2f}; {printed} needs {needed:.2f}"
    if len(due) > len(printed):
        return f"{spread} have |t| ≥ {least:.2f}, beyond {t_needed(due, n):.2f}: {due} is due"
    return ""


def check_numbers() -> Iterator[Finding]:
    """Yield the findings of kinds "difference" (in sentences), "value", "row" and "spread"."""
    for entry in paper_text()["differences"]:
        first, second = (paper_table(number).rows[row][d][metric] for number, row, d, metric in entry["cells"])
        if round(first.mean - second.mean, 2) != entry["printed"]:
            yield Finding("difference", entry["place"], f"“{entry['quote']}”", _subtraction(first, second))
    yield from _same_systems()
    yield from _unnamed_schedule()
    yield from _announced_statistics()


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


def _announced_statistics() -> Iterator[Finding]:
    tables = [paper_table(number) for number in ACCURACY_TABLES]
    silent = [table.number for table in tables if all(cell.sd is None for *_, cell in table.cells())]
    if silent:
        printed = "“We run all experiments with three random seeds and report the average and standard deviation”"
        follows = f"Tables {', '.join(map(str, silent))} print no standard deviation"
        yield Finding("spread", "Section 4.1", printed, follows)
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
    """Compare a printed total with its classes, and ask Table 1's accuracies which number of images they can have."""
    printed, sums, runs = class_counts()[dataset][TOTAL], _sums(dataset), paper_text()["runs"]
    values = [cell.mean for _, d, metric, cell in paper_table(1).cells() if d == dataset and metric != "map"]
    for part in PaperCount._fields:
        sizes = (getattr(printed, part), getattr(sums, part))
        if sizes[0] != sizes[1]:
            classes = [getattr(count, part) for name, count in class_counts()[dataset].items() if name != TOTAL]
            fits = [f"{sum(reachable(value, size, runs) for value in values)} with {size} images" for size in sizes]
            follows = f"the classes add up to {' + '.join(map(str, classes))} = {sizes[1]}; of Table 1's {len(values)} "
            follows += f"accuracies there, {' and '.join(fits)} can be counted"
            yield Finding("count", f"Table 5, {DATASETS[dataset]}, {part}", f"total {sizes[0]}", follows)


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


def check_settings() -> Iterator[Finding]:
    """Yield the findings of kind "setting", and the pace of linear decay (kind "sentence")."""
    yield from _table6_default()
    yield from _regimes()
    yield _linear_pace()


def _table6_default() -> Iterator[Finding]:
    """Compare the rows of Table 6 that carry the main results with the settings of the main results."""
    main, table = paper_text()["piecewise"], paper_table(6)
    rows = {row for same in paper_text()["same"].values() for number, row in same if number == 6}
    for row in sorted(rows):
        other = {key: table.settings[row][key] for key in STAGES if table.settings[row][key] != main[key]}
        if other:
            sets = " and ".join(
                f"{DATASETS[dataset]} ({line['a50'].mean:.2f})" for dataset, line in table.rows[row].items()
            )
            printed = ", ".join(f"{key} = {value:.2f}" for key, value in other.items())
            wanted = ", ".join(f"{key} = {main[key]:.2f}" for key in other)
            follows = f"Section 4.1 and Appendix C give {wanted} for the main results, which have the same values"
            yield Finding("setting", f"Table 6, {sets}", printed, follows)


def _regimes() -> Iterator[Finding]:
    regimes, main = paper_text()["regimes"], paper_text()["piecewise"]
    for lower, upper in pairwise(regimes):
        if lower["below"] != upper["from"]:
            printed = f"regimes τ < {lower['below']:.2f} and τ ≥ {upper['from']:.2f}"
            follows = f"no regime holds for {lower['below']:.2f} ≤ τ < {upper['from']:.2f}"
            yield Finding("setting", "Appendix B", printed, follows)
    for regime, key in zip(regimes, ("beta1", "beta2"), strict=False):
        if regime["below"] != main[key]:
            follows = f"Section 4.1 has {key} = {main[key]:.2f} for the end of this step size"
            yield Finding("setting", "Appendix B", f"δ = {regime['step']:.2f} while τ < {regime['below']:.2f}", follows)
    last = regimes[-1]["from"]
    if last >= main["tau_target"]:
        follows = f"τ ends at {main['tau_target']:.2f}, so this regime never decides a raise"
        yield Finding("setting", "Appendix B", f"the last regime begins at τ = {last:.2f}", follows)


def _linear_pace() -> Finding:
    """Compute the first raises of Equation 12 with the printed settings."""
    settings, raises = paper_text()["linear"], []
    tau = settings["tau0"]
    for _ in range(SHOWN):
        raises.append(Linear(**settings).step_size(tau))
        tau += raises[-1]
    steps = ", ".join(f"{step:.3f}" for step in raises)
    follows = f"Eq. 12 raises τ by {steps} ..., each {raises[1] / raises[0]:.2f} of the one before"
    return Finding("sentence", "Section 4.2", f"“{paper_text()['linear_pace']}”", follows)


def check_sentences() -> Iterator[Finding]:
    """Yield one finding of kind "sentence" for every claim that the printed numbers contradict."""
    for claim in paper_claims().claims:
        judged = [printed_verdict(comparison) for comparison in claim.comparisons]
        known = [verdict for verdict in judged if verdict is not None]
        against = [text for holds, text in known if not holds]
        if against:
            reading = f" (read as: {claim.reading})" if claim.reading else ""
            share = "" if len(known) == 1 else f"{len(against)} of {len(known)} comparisons: "
            yield Finding("sentence", claim.place, f"“{claim.quote}”{reading}", share + "; ".join(against))


def printed_verdict(comparison: Comparison) -> tuple[bool, str] | None:
    """Return whether the printed numbers agree with a comparison, and the numbers; None where there are none."""
    dataset, metric, rows = comparison.dataset, comparison.metric, (comparison.subject, comparison.object)
    first, second = (printed_cell(row, dataset, metric) for row in rows)
    where = f"{DATASETS[dataset]} {METRICS.get(metric)} {rows[0]} {{}}, {rows[1]} {{}}"
    if first is None or second is None:
        return None
    if comparison.relation == "more stable":
        if first.sd is None or second.sd is None:
            return None
        return first.sd < second.sd, where.format(f"sd {first.sd:.2f}", f"{second.sd:.2f}")
    difference = printed_difference(comparison)
    if difference is None:
        return None
    similar = comparison.relation == "similar"
    holds = abs(difference) <= comparison.margin if similar else difference > comparison.margin
    if comparison.relation == "larger gain":
        at = first.mean - second.mean
        gains = f"{at:+.2f} at {METRICS[metric]}, {at - difference:+.2f} at {METRICS[comparison.than_metric]}"
        return holds, f"{DATASETS[dataset]} over {comparison.object} {gains}"
    return holds, where.format(f"{first.mean:.2f}", f"{second.mean:.2f}")
