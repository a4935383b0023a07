"""A folder becomes a manifest: read, grouped, divided, and asked the right question."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medloc.data.files import visible_files
from medloc.data.formats.detect import detected
from medloc.data.formats.image_index import ImageIndex
from medloc.data.formats.mask import Mask
from medloc.data.formats.table import numbered_rows
from medloc.data.limits import limited_text
from medloc.data.manifests.manifest import PARTS, Header, Manifest, ManifestRow
from medloc.data.manifests.parts import divided_rows
from medloc.data.manifests.read import NUMBERED
from medloc.data.manifests.sources import Source, rows_of
from medloc.data.problems import Problems
from medloc.data.prompts import PROMPTS, TARGETS

PART_FOLDERS = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Folder that an image lies in -> part."""


@dataclass(frozen=True)
class Wishes:
    """What the user says of a data set.

    Attributes:
        name: short name; None takes the folder's.
        target: what is looked for; None is known for the paper's three sets.
        prompt: the question; None is made from the target.
        group: a pattern whose first bracket, or whole, is the group of an image, searched in its id.
        table: a table with a column `file` and any of `label`, `group`, `split`.
        split: one of `medloc.data.manifests.parts.SPLITS`.
        seed: the split's.
    """

    name: str | None = None
    target: str | None = None
    prompt: str | None = None
    group: re.Pattern[str] | None = None
    table: Path | None = None
    split: str = "found"
    seed: int = 0


def prepare(source: Source, wishes: Wishes, read_mask: Callable[[Path], Mask], problems: Problems) -> Manifest:
    """Return the manifest of a folder.

    Args:
        source: the folder, and how its boxes come; kind "auto" looks.
        wishes: what the user adds.
        read_mask: reads one mask file.
        problems: takes what is wrong with a file, and what is odd.

    Raises:
        ValueError: something that the whole set hangs on; the message names it.
    """
    root = source.root
    files = visible_files(root)
    if source.kind == "auto":
        source = replace(source, kind=detected(root, files))
    header = _header(source, wishes, files)
    rows = _grouped(rows_of(source, read_mask, problems), wishes)
    rows = _with_table(root, rows, wishes.table, problems)
    rows = _by_folder(rows) if wishes.split == "found" else divided_rows(rows, wishes.split, wishes.seed)
    if not rows and not problems.count:
        raise ValueError(f"{root}: no image of it has a mask or an annotation.")
    _count(rows, problems)
    return Manifest(header, tuple(rows))


def _header(source: Source, wishes: Wishes, files: Sequence[Path]) -> Header:
    known = source.kind if source.kind in TARGETS else ""
    if any(source.label(path) in ("heelspur", "sever") for path in files[:10_000]) and not source.folder_classes:
        known = "heel"
    target = wishes.target or TARGETS.get(known)
    if not target:
        raise ValueError("--target says what is looked for, such as --target 'breast lesion'; it goes into the prompt.")
    prompt = wishes.prompt or (PROMPTS.get(known) if not wishes.target else None)
    root = source.root
    drawn = any((folder / "SYNTHETIC.txt").is_file() for folder in (root, root.parent))
    return Header(wishes.name or known or root.name or "own", target, prompt, "phantom" if drawn else "real", str(root))


def _grouped(rows: list[ManifestRow], wishes: Wishes) -> list[ManifestRow]:
    if wishes.group is None:
        return rows
    grouped = []
    for row in rows:
        found = wishes.group.search(row.id)
        if not found:
            raise ValueError(f"--group {wishes.group.pattern} is nowhere in the id {row.id}.")
        grouped.append(replace(row, group=found[min(1, wishes.group.groups)] or row.id))
    return grouped


def _with_table(root: Path, rows: list[ManifestRow], table: Path | None, problems: Problems) -> list[ManifestRow]:
    """Take class, group and part from the user's table where it has them."""
    if table is None:
        return rows
    index = ImageIndex(root, [root / row.image for row in rows])
    place = {root / row.image: number for number, row in enumerate(rows)}
    for number, cells in numbered_rows(table, problems):
        if "file" not in cells or not cells.keys() & {"label", "group", "split"}:
            raise ValueError(f"{table}: must have a column file, and label, group or split.")
        with problems.collected(f"{table} line {number}"):
            image = index.named(cells["file"])
            if image is None:
                problems.quirks["rows of the table without an image"] += 1
                continue
            row = rows[place[image]]
            split = PART_FOLDERS.get(cells.get("split", "").lower(), cells.get("split")) or row.split
            if split not in (None, *PARTS):
                raise ValueError(f"split {split} is not known; use one of {', '.join(PARTS)}.")
            label, group = cells.get("label") or row.label, cells.get("group") or row.group
            rows[place[image]] = replace(row, label=label, group=group, split=split)
    return rows


def _by_folder(rows: list[ManifestRow]) -> list[ManifestRow]:
    """Take the part from folders train, val, test, if every image lies in one and nothing else says it."""
    if any(row.split for row in rows):
        return [replace(row, split=_part(row.split)) for row in rows]
    parts = [[PART_FOLDERS[p] for p in row.image.lower().split("/")[:-1] if p in PART_FOLDERS] for row in rows]
    if all(len(part) == 1 for part in parts) and {"train", "test"} <= {part[0] for part in parts}:
        return [replace(row, split=part[0]) for row, part in zip(rows, parts, strict=True)]
    return rows


def _part(split: str | None) -> str | None:
    return PART_FOLDERS.get(split.lower(), split) if split else None


def _count(rows: Sequence[ManifestRow], problems: Problems) -> None:
    """Find what a reader of the manifest would refuse, and count what is odd."""
    divided = any(row.split for row in rows)
    for row in rows:
        with problems.collected(row.image[:200]):
            for key in ("id", "image", "label", "group"):
                limited_text(getattr(row, key), key)
            if NUMBERED.search(row.id):
                raise ValueError("its name ends like the number of a box (#1); rename it.")
            if divided and row.split not in PARTS:
                raise ValueError(f"split={row.split} where other images have one; use {', '.join(PARTS)}, or --split.")
        full = (0, 0, row.width, row.height)
        problems.quirks["boxes as large as their image"] += sum(tuple(b.as_list()) == full for b in row.boxes)
