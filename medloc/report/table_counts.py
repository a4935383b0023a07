"""Table 5: images by class and part, counted from the files, beside the paper's counts."""

from collections.abc import Iterator

from medloc.report.cells import Count
from medloc.report.image_counts import ImageCounts, image_counts
from medloc.report.missing import Missing
from medloc.report.paper import class_counts
from medloc.report.rows import DATASETS
from medloc.report.tables import Entry, Line, Place, Table
from medloc.report.values import Values

PARTS = ("train", "test")
TOTAL = "Total"
SPELLINGS = {"sever": "severe"}
"""Class as the files have it -> as the paper spells it, both in small letters without blanks."""

LEGEND = "Images, counted from the files; the paper's count stands beside ours, and - is a data set not at hand."


def counts_table(values: Values) -> Table:
    """Build Table 5 for the data of one group."""
    group = values.group
    found = {dataset: _found(values, dataset) for dataset in group.datasets}
    printed = class_counts()
    lines: dict[str, dict[Place, Entry]] = {}
    for dataset, counts in found.items():
        for name in _classes(dataset, counts):
            for part, paper in zip(PARTS, printed.get(dataset, {}).get(name, (None, None)), strict=True):
                entry = Entry(Count(_count(dataset, counts, part, name)), None if paper is None else Count(paper))
                lines.setdefault(name, {})[Place(dataset, part)] = entry
    missing = [_missing(values, dataset) for dataset, counts in found.items() if counts is None]
    total = lines.pop(TOTAL, {})
    return Table(
        name="table5",
        title=values.experiments["table5"].title if values.experiments else "Table 5",
        heading=group.data_heading,
        what="Class",
        legend=LEGEND,
        places=tuple(Place(dataset, part) for dataset in found for part in PARTS),
        facts=(),
        lines=tuple(Line(name, "added", entries) for name, entries in [*lines.items(), (TOTAL, total)]),
        missing=tuple(missing),
    )


def _found(values: Values, dataset: str) -> ImageCounts | None:
    return image_counts(values.results, (r for r in values.group.records if r.identity["dataset"] == dataset))


def _classes(dataset: str, counts: ImageCounts | None) -> Iterator[str]:
    """Yield the paper's classes in its order, then those that it does not have, then the total."""
    known = [name for name in class_counts().get(dataset, {}) if name != TOTAL]
    yield from known
    if counts:
        yield from sorted({_printed(dataset, label) for label in (*counts.train, *counts.test)} - set(known))
    yield TOTAL


def _count(dataset: str, counts: ImageCounts | None, part: str, name: str) -> int | None:
    """Count one class; one that the files do not have has 0 images."""
    if counts is None:
        return None
    by_label = counts.train if part == "train" else counts.test
    return sum(number for label, number in by_label.items() if name in (TOTAL, _printed(dataset, label)))


def _printed(dataset: str, label: str) -> str:
    """Return a class as the paper prints it; as the files have it where the paper does not."""
    known = {_plain(name): name for name in class_counts().get(dataset, {})}
    plain = _plain(label)
    return known.get(SPELLINGS.get(plain, plain), label or "(no class)")


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()


def _missing(values: Values, dataset: str) -> Missing:
    """Name a run that reads the images; the report counts them afterwards."""
    return Missing(f"The images of {DATASETS[dataset]}", (), (), values.reading_run(dataset).command)
