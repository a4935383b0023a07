"""Which rows of a manifest are trained on, tested, or set apart; and what the parts have in common that they must not."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.manifest import PARTS, ManifestRow
from medloc.data.splits import fifth, grouped_split, random_split, stratified_split

SPLITS = {
    "found": "as the data set has it; training divides what has none",
    "grouped": "a fifth is tested, no group on both sides",
    "image": "a fifth is tested, by image",
    "class": "a fifth is tested, by image within each class",
    "none": "left to training",
}


def divided_rows(rows: Sequence[ManifestRow], how: str, seed: int) -> list[ManifestRow]:
    """Return the rows with their part: one of `SPLITS` other than "found"."""
    if how == "none":
        return [replace(row, split=None) for row in rows]
    divide = {"grouped": grouped_split, "image": random_split, "class": stratified_split}[how]
    _, test = divide(stand_ins(rows), fifth(len(rows)), seed)
    tested = {example.id for example in test}
    return [replace(row, split="test" if row.id in tested else "train") for row in rows]


def stand_ins(rows: Iterable[ManifestRow]) -> list[Example]:
    """Return an example for every row, for what looks at ids, groups and classes alone."""
    return [Example(row.id, Path(row.image), row.width, row.height, NOWHERE, row.group, row.label) for row in rows]


NOWHERE = Box(0, 0, 1, 1)


def trained_by(rows: Sequence[ManifestRow], seed: int = 0) -> Sequence[ManifestRow]:
    """Return the rows with the parts that training takes: their own, or a grouped split of those with a target."""
    if any(row.split for row in rows):
        return rows
    targets = divided_rows([row for row in rows if row.boxes], "grouped", seed)
    return targets or rows


@dataclass(frozen=True)
class Leaks:
    """What training knows of the test.

    Attributes:
        groups: lesion or patient on both sides -> its number of test images.
        tested: number of test images.
        twins: files with equal bytes under different names, each list with the part of each.
    """

    groups: dict[str, int]
    tested: int
    twins: list[list[tuple[str, str]]]

    def lines(self, shown: int = 5) -> list[str]:
        """Return the report as lines."""
        leaked = sum(self.groups.values())
        share = f" ({100 * leaked / self.tested:.1f} %)" if self.tested else ""
        first = ", ".join(list(self.groups)[:shown]) + (", ..." if len(self.groups) > shown else "")
        lines = [
            f"{leaked} of {self.tested} test images{share} share a group with training" + (f": {first}" * bool(first))
        ]
        crossing = sum(len({part for _, part in twins} - {""}) > 1 for twins in self.twins)
        lines.append(
            f"{len(self.twins)} sets of identical images under different names, {crossing} of them across parts"
        )
        for twins in self.twins[:shown]:
            lines.append("  " + " = ".join(f"{name} ({part})" if part else name for name, part in twins))
        return lines


def leaks(root: Path, rows: Sequence[ManifestRow]) -> Leaks:
    """Look for groups on both sides, and for equal files; only files of equal size are read.

    Raises:
        OSError: an image cannot be read.
    """
    trained = {row.group for row in rows if row.split == "train"}
    tested = [row for row in rows if row.split == "test"]
    shared = Counter(row.group for row in tested if row.group in trained)
    by_size: dict[int, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        by_size[(root / row.image).stat().st_size].append(row)
    by_content: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for same in by_size.values():
        for row in same if len(same) > 1 else ():
            by_content[_digest(root / row.image)].append((row.image, row.split or ""))
    return Leaks(dict(shared.most_common()), len(tested), [twins for twins in by_content.values() if len(twins) > 1])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def counts(rows: Sequence[ManifestRow]) -> list[list[str]]:
    """Return the paper's Table 5 for these rows: a line a class, a column a part, totals last; "-" is no part."""
    parts = [part for part in PARTS if any(row.split == part for row in rows)] or [None]
    table = [["class", *(part or "images" for part in parts)]]
    for label in [*sorted({row.label for row in rows}), None]:
        cells = [sum(row.split == part and label in (None, row.label) for row in rows) for part in parts]
        table.append(["total" if label is None else label or "(no class)", *map(str, cells)])
    return table
