"""Which rows of a manifest are trained on, tested, or set apart."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.manifests.manifest import ManifestRow
from medloc.data.splits import fifth, grouped_split, random_split, stratified_split

SPLITS = {
    "found": "as the data set has it; training divides what has none",
    "grouped": "a fifth is tested, no group on both sides",
    "image": "a fifth is tested, by image",
    "class": "a fifth is tested, by image within each class",
    "none": "left to training",
}
NOWHERE = Box(0, 0, 1, 1)  # for what looks at ids, groups and classes alone


def divided_rows(rows: Sequence[ManifestRow], how: str, seed: int) -> list[ManifestRow]:
    """Return the rows with their part: one of `SPLITS` other than "found"."""
    if how == "none":
        return [replace(row, split=None) for row in rows]
    divide = {"grouped": grouped_split, "image": random_split, "class": stratified_split}[how]
    _, test = divide(stand_ins(rows), fifth(len(rows)), seed)
    tested = {example.id for example in test}
    return [replace(row, split="test" if row.id in tested else "train") for row in rows]


def stand_ins(rows: Iterable[ManifestRow]) -> list[Example]:
    """Return an example for every row, all with the same box."""
    return [Example(row.id, Path(row.image), row.width, row.height, NOWHERE, row.group, row.label) for row in rows]


def trained_by(rows: Sequence[ManifestRow], seed: int = 0) -> Sequence[ManifestRow]:
    """Return the rows with the parts that training takes: their own, or a grouped split of those with a target."""
    if any(row.split for row in rows):
        return rows
    targets = divided_rows([row for row in rows if row.boxes], "grouped", seed)
    return targets or rows
