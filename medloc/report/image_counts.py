"""How many images of each class a data set trains and tests on, counted from its files once and then remembered."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from medloc.data.example import Example
from medloc.report.run_data import NotHereError, run_data
from medloc.runs import Record, write_text

FOLDER = "datasets"
"""Below the results: one file for each data fingerprint, so that a file is never wrong about what it counts."""


@dataclass(frozen=True)
class ImageCounts:
    """The images behind one data fingerprint.

    Attributes:
        train: Class -> number of training images.
        test: Class -> number of test images.
        order: Id and lesion or patient of every test image, in the order in which runs answer.
    """

    train: Mapping[str, int]
    test: Mapping[str, int]
    order: tuple[tuple[str, str], ...]


def image_counts(results: Path, records: Iterable[Record]) -> ImageCounts | None:
    """Count the images that records of one data set share, or remember them.

    Files are read only where they lie already: nothing is drawn for a table. They must have the records' fingerprint.

    Args:
        results: The results folder; what is counted is kept in `datasets/` below it.
        records: Complete records of one data fingerprint.

    Returns:
        The counts; None where the files are not at hand or have changed since.
    """
    tried = set()
    for record in records:
        path = results / FOLDER / f"{record.fingerprints['data']}.json"
        place = (path, record.config.get("dataset", {}).get("root"), record.config.get("cache"))
        if place in tried:
            continue
        tried.add(place)
        if (remembered := _remembered(path)) is not None:
            return remembered
        if (counted := _counted(record, results)) is not None:
            write_text(path, json.dumps(asdict(counted)) + "\n")
            return counted
    return None


def _remembered(path: Path) -> ImageCounts | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        order = tuple((name, group) for name, group in content["order"])
        return ImageCounts(content["train"], content["test"], order)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _counted(record: Record, results: Path) -> ImageCounts | None:
    try:
        data = run_data(record, results)
    except NotHereError:
        return None

    def by_class(examples: Iterable[Example]) -> dict[str, int]:
        return dict(sorted(Counter(example.label for example in examples).items()))

    return ImageCounts(by_class(data.train), by_class(data.test), tuple((e.id, e.group) for e in data.test))
