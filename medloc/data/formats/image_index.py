"""Which image a name in somebody's table means, and which image a label file belongs to."""

from collections.abc import Sequence
from pathlib import Path


class ImageIndex:
    """Finds images by the end of their path."""

    def __init__(self, root: Path, images: Sequence[Path]):
        self._root = root
        self._ends: dict[str, list[Path]] = {}
        self._folders: set[str] = set()
        for path in images:
            parts = path.relative_to(root).parts
            self._folders.update(parts[:-1])
            for start in range(len(parts)):
                whole = "/".join(parts[start:])
                for end in {whole, whole.removesuffix(path.suffix)}:
                    self._ends.setdefault(end, []).append(path)

    def named(self, file: str) -> Path | None:
        """Return the one image whose path ends in `file`, with or without its ending; None where there is none.

        Raises:
            ValueError: several fit.
        """
        found = self._ends.get(file.replace("\\", "/").removeprefix("./"), [])
        if len(found) > 1:
            raise ValueError(f"{file} fits {len(found)} images; write more of its path, such as normal/{file}.")
        return found[0] if found else None

    def beside(self, path: Path, stem: str | None = None) -> Path | None:
        """Return the one image that a label or mask file belongs to; None where there is none.

        It has the same name, and lies in every folder of the label's path that holds images elsewhere: labels/b/1.txt
        is never that of images/a/1.jpg where there is a folder b of images. Of several the one with most of the
        path in common is taken.

        Args:
            path: the label or mask file.
            stem: its name without ending and without what marks it as a mask; None takes the file's.

        Raises:
            ValueError: several fit equally.
        """
        below = path.is_relative_to(self._root)  # of a path elsewhere only the nearest folder can mean something
        folders = list(path.relative_to(self._root).parts[:-1] if below else path.parts[-2:-1])
        needed = self._folders.intersection(folders)
        candidates = [
            (_common(image.relative_to(self._root).parts[:-1], folders), image)
            for image in self._ends.get(stem or path.stem, [])
            if needed.issubset(image.relative_to(self._root).parts[:-1])
        ]
        best = max((common for common, _ in candidates), default=0)
        found = [image for common, image in candidates if common == best]
        if len(found) > 1:
            raise ValueError(f"{path}: fits {len(found)} images, {found[0]} and {found[1]} among them; rename one.")
        return found[0] if found else None


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the folders that two paths have in common, from the end."""
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count
