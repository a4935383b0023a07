"""Counts against counts: sums of classes, splits, and accuracies that no number of test images can give."""

from collections.abc import Iterator

from medloc.report.finding import Finding
from medloc.report.groups import DATASETS
from medloc.report.paper import ACCURACY_TABLES, METRICS, SETS, PaperCount, class_counts, paper_table, paper_text

TOTAL = "Total"
SHARE_OFF = 0.01


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
