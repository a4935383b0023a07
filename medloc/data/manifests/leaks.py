"""What training would know of the test images that it must not, and how many images of each class a part has."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medloc.data.manifests.manifest import PARTS, ManifestRow


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
        known = f": {first}" if first else ""
        lines = [f"{leaked} of {self.tested} test images{share} share a group with training{known}"]
        crossing = sum(len({part for _, part in twins} - {""}) > 1 for twins in self.twins)
        lines.append(f"{len(self.twins)} images under several names, {crossing} of them in several parts")
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
    parts: list[str | None] = [part for part in PARTS if any(row.split == part for row in rows)]
    parts = parts or [None]
    table = [["class", *(part or "images" for part in parts)]]
    for label in [*sorted({row.label for row in rows}), None]:
        cells = [sum(row.split == part and label in (None, row.label) for row in rows) for part in parts]
        table.append(["total" if label is None else label or "(no class)", *map(str, cells)])
    return table
