"""Prepare a manifest from a folder (grouped, divided, with its question), and state what a manifest holds."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medloc.data.files import ImageIndex, Problems, content_hash, progress, visible_files
from medloc.data.formats.masks import Mask
from medloc.data.formats.tables import numbered_rows
from medloc.data.images import oddities, open_image
from medloc.data.manifest import PARTS, Header, Manifest, ManifestRow, checked_row, written
from medloc.data.rows import Source, detected, rows_of
from medloc.data.sets import SETS
from medloc.data.splits import fifth, grouped_split, random_split, stratified_split

SPLITS = {
    "found": "as the data set has it; training divides what has none",
    "grouped": "a fifth is tested, no group on both sides",
    "image": "a fifth is tested, by image",
    "class": "a fifth is tested, by image within each class",
    "none": "left to training",
}
"""How the images may be divided."""

PART_FOLDERS = {
    **dict.fromkeys(("train", "training", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Folder that an image lies in -> part."""

SHOWN = 5
"""Groups and equal files that a report names."""

ALONE = 0.95
"""Share of images that are the only one of their group, from which on a pattern for groups is doubted."""


@dataclass(frozen=True)
class Wishes:
    """What the user says of a data set.

    Attributes:
        name: Short name; None takes the folder's.
        target: What is looked for; None is known for the paper's three sets.
        prompt: The question; None is made from the target.
        group: A pattern whose first bracket, or whole, is the group of an image, searched in its id.
        table: A table with a column `file` and any of `label`, `group`, `split`.
        split: One of `SPLITS`.
        seed: The split's.
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
        source: The folder, and how its boxes come; kind "auto" looks.
        wishes: What the user adds.
        read_mask: Reads one mask file.
        problems: Takes what is wrong with a file, and what is odd.

    Raises:
        ValueError: Something on which the whole set depends is wrong; the message names it.
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
    _check_rows(root, rows, problems)
    return Manifest(header, tuple(rows))


def _header(source: Source, wishes: Wishes, files: Sequence[Path]) -> Header:
    root, known = source.root, SETS.get(source.kind)
    if not source.folder_classes:
        known = known or next(
            (one for one in SETS.values() if not one.pairs and one.recognises(root, files[:10_000])), None
        )
    target = wishes.target or (known.target if known else "")
    if not target:
        raise ValueError("--target says what is looked for, such as --target 'breast lesion'; it goes into the prompt.")
    prompt = wishes.prompt or (known.prompt if known and not wishes.target else None)
    name = wishes.name or (known.name if known else root.name) or "own"
    drawn = any((folder / "SYNTHETIC.txt").is_file() for folder in (root, root.parent))
    origin, coding = "phantom" if drawn else "real", source.coding
    return Header(name, target, prompt, origin, str(root), coding.foreground, coding.invert)


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
        return [
            replace(row, split=PART_FOLDERS.get(row.split.lower(), row.split) if row.split else None) for row in rows
        ]
    parts = [[PART_FOLDERS[p] for p in row.image.lower().split("/")[:-1] if p in PART_FOLDERS] for row in rows]
    if all(len(part) == 1 for part in parts) and {"train", "test"} <= {part[0] for part in parts}:
        return [replace(row, split=part[0]) for row, part in zip(rows, parts, strict=True)]
    return rows


def _check_rows(root: Path, rows: Sequence[ManifestRow], problems: Problems) -> None:
    """Collect what a reader of the manifest would refuse, and count what is odd."""
    divided = any(row.split for row in rows)
    for row in rows:
        problems.quirks.update(oddities(root / row.image))
        problems.quirks.update(odd for mask in row.masks for odd in oddities(root / mask, "mask"))
        with problems.collected(row.image[:200]):
            checked_row(written(row).encode())
            if divided and row.split is None:
                raise ValueError("has no split where other images have one; use a table, or --split.")
        full = (0, 0, row.width, row.height)
        problems.quirks["boxes as large as their image"] += sum(tuple(b.as_list()) == full for b in row.boxes)


def divided_rows(rows: Sequence[ManifestRow], how: str, seed: int) -> list[ManifestRow]:
    """Return the rows with their part: one of `SPLITS` other than "found"."""
    if how == "none":
        return [replace(row, split=None) for row in rows]
    divide = {"grouped": grouped_split, "image": random_split, "class": stratified_split}[how]
    _, test = divide(rows, fifth(len(rows)), seed)
    tested = {row.id for row in test}
    return [replace(row, split="test" if row.id in tested else "train") for row in rows]


def trained_by(rows: Sequence[ManifestRow], seed: int = 0) -> Sequence[ManifestRow]:
    """Return the rows with the parts that training takes: their own, or a grouped split of those with a target."""
    if any(row.split for row in rows):
        return rows
    return divided_rows([row for row in rows if row.boxes], "grouped", seed) or rows


def group_warning(rows: Sequence[ManifestRow], pattern: str) -> str:
    """Return a warning where a pattern makes nearly every image a group of its own, else ""."""
    sizes = Counter(row.group for row in rows)
    alone = sum(sizes[row.group] == 1 for row in rows)
    if len(rows) < 2 or alone < ALONE * len(rows):
        return ""
    names = ", ".join(f"{row.id} -> {row.group}" for row in rows[:3])
    return (
        f"warning: with --group '{pattern}', {alone} of {len(rows)} images are the only one of their group ({names}); "
        "is that a patient? Images of one patient must share a group, or they leak from training into test."
    )


def statement(manifest: Manifest, root: Path, problems: Problems) -> Iterator[str]:
    """Yield the report on a manifest line by line: sizes, quirks, leaks, and the counts of the paper's Table 5.

    Args:
        manifest: What was read or prepared.
        root: The data folder, resolved.
        problems: What was found on the way; its quirks are listed.
    """
    header, rows = manifest.header, manifest.rows
    boxes = [len(row.boxes) for row in rows]
    yield f"{header.name} ({header.origin}): {len(rows)} images, {sum(boxes)} boxes of the {header.target}"
    without, several = boxes.count(0), sum(count > 1 for count in boxes)
    yield f"  {without} images without a target (kept, not trained on), {several} with several boxes"
    yield from (f"  {count} {quirk}" for quirk, count in sorted(problems.quirks.items()) if count)
    divided = trained_by(rows)
    yield ""
    given = any(row.split for row in rows)
    yield f"parts: {'as given' if given else 'none given; below, as medloc.run would divide the images with a target'}"
    cells = counts(divided)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for name, *numbers in cells:
        yield "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])])
    yield ""
    yield from _leaks(root, [row for row in divided if (root / row.image).is_file()])
    if all(row.group == row.id for row in rows):
        yield "every image is a group of its own: no lesion or patient is named, so that leaks of these cannot be seen"


def counts(rows: Sequence[ManifestRow]) -> list[list[str]]:
    """Return the paper's Table 5 for these rows: a line per class, a column per part, totals last."""
    parts: list[str | None] = [part for part in PARTS if any(row.split == part for row in rows)]
    parts = parts or [None]
    table = [["class", *(part or "images" for part in parts)]]
    for label in [*sorted({row.label for row in rows}), None]:
        cells = [sum(row.split == part and label in (None, row.label) for row in rows) for part in parts]
        table.append(["total" if label is None else label or "(no class)", *map(str, cells)])
    return table


def shared_groups(rows: Sequence[ManifestRow]) -> dict[str, int]:
    """Return lesion or patient on both sides -> its number of test images, the largest first."""
    trained = {row.group for row in rows if row.split == "train"}
    return dict(Counter(row.group for row in rows if row.split == "test" and row.group in trained).most_common())


def twins(root: Path, rows: Sequence[ManifestRow]) -> list[list[tuple[str, str]]]:
    """Return images with equal bytes under different names, each with its part; only files of equal size are read.

    Raises:
        OSError: An image cannot be read.
    """
    by_size, by_content = defaultdict[int, list[ManifestRow]](list), defaultdict[str, list[tuple[str, str]]](list)
    for row in rows:
        by_size[(root / row.image).stat().st_size].append(row)
    for same in by_size.values():
        for row in same if len(same) > 1 else ():
            by_content[content_hash(root / row.image)].append((row.image, row.split or ""))
    return [found for found in by_content.values() if len(found) > 1]


def _leaks(root: Path, rows: Sequence[ManifestRow]) -> Iterator[str]:
    """Say what training knows of the test."""
    groups, tested = shared_groups(rows), sum(row.split == "test" for row in rows)
    leaked = sum(groups.values())
    share = f" ({100 * leaked / tested:.1f} %)" if tested else ""
    first = ", ".join(list(groups)[:SHOWN]) + ", ..." * (len(groups) > SHOWN)
    yield f"{leaked} of {tested} test images{share} share a group with training{': ' * bool(groups)}{first}"
    same = twins(root, rows)
    crossing = sum(len({part for _, part in each} - {""}) > 1 for each in same)
    yield f"{len(same)} images under several names, {crossing} of them in several parts"
    for each in same[:SHOWN]:
        yield "  " + " = ".join(f"{name} ({part})" if part else name for name, part in each)


def decode_all(manifest: Manifest, root: Path, problems: Problems) -> None:
    """Decode every image: finds those whose header is whole and whose rest is not."""
    for row in progress(manifest.rows, "decoding images"):
        with problems.collected():
            open_image(root / row.image)
