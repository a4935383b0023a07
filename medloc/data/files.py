"""Find files: below a data folder and not outside it, the image that a name means, and what is known of a file."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from medloc.runs.atomic import atomic_writer

T = TypeVar("T")

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
"""Endings of the images of HAM10000, TN3K and HEEL."""


def require_folder(folder: Path, message: str) -> Path:
    """Return `folder` if it is one.

    Raises:
        FileNotFoundError: It is none; with `message`.
    """
    if not folder.is_dir():
        raise FileNotFoundError(message)
    return folder


def visible_files(root: Path) -> list[Path]:
    """Return all files below `root`, sorted by path, without hidden ones and `__MACOSX`."""
    found = []
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if not any(part.startswith(".") or part == "__MACOSX" for part in parts) and path.is_file():
            found.append(path)
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def image_files(root: Path) -> list[Path]:
    """Return the JPEG and PNG files below `root`."""
    return [path for path in visible_files(root) if path.suffix.lower() in IMAGE_SUFFIXES]


def inside(root: Path, name: str) -> Path:
    """Return the file `name` below `root`.

    Args:
        root: The data folder, resolved.
        name: A path relative to it.

    Raises:
        ValueError: There is no such file, or the path leaves the data folder: by `..`, as an absolute path or through
            a link.
    """
    path = root / name.replace("\\", "/")
    try:
        real = path.resolve()
        if not real.is_relative_to(root):
            raise ValueError(
                f"{name} leaves the data folder {root}; copy the file into it, or name a folder around both."
            )
        if real.is_file():
            return path
    except (OSError, RuntimeError):  # a name no file can have, links in a circle
        pass
    except ValueError as error:
        raise ValueError(str(error) if "leaves" in str(error) else f"{name!r} is no path.") from None
    raise ValueError(f"{name}: no such file in {root}.")


class ImageIndex:
    """Find images by the end of their path."""

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
            ValueError: Several fit.
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
            path: The label or mask file.
            stem: Its name without ending and without what marks it as a mask; None takes the file's.

        Raises:
            ValueError: Several fit equally.
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


class FileCache:
    """Remember what was computed from files, each as long as its inode, size and times stay the same.

    The memory is one JSON file per data folder. A memory that is damaged, or of another version, is forgotten.
    """

    def __init__(self, kind: str, version: int, root: Path, folder: Path):
        """Load what `folder` remembers of the files below `root`.

        Args:
            kind: What is computed, such as "masks"; the beginning of the memory's name.
            version: Of the code that computes it.
            root: The data folder.
            folder: The cache folder.
        """
        digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
        self._file, self._version, self._changed = folder / f"{kind}-{digest}.json", version, False
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            self._known: dict[str, Any] = dict(kept["files"]) if kept["version"] == version else {}
        except (OSError, ValueError, TypeError, KeyError):
            self._known = {}

    def get(self, path: Path, compute: Callable[[Path], Any]) -> Any:
        """Return `compute(path)`, which JSON can hold; remembered if the file did not change."""
        stat = path.stat()
        # A copy may keep the time of change and the size of another file, but not the time of the inode's change
        key = f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
        if key not in self._known:
            self._known[key] = compute(path)
            self._changed = True
        return self._known[key]

    def save(self) -> None:
        """Write the memory if it grew, whole or not at all; where nothing can be written, it is computed again."""
        if self._changed:
            with suppress(OSError), atomic_writer(self._file) as file:
                json.dump({"version": self._version, "files": self._known}, file)


def progress(items: Iterable[T], doing: str, unit: str = "image") -> Iterable[T]:
    """Show a bar on standard error after two seconds, only where somebody can see it."""
    return tqdm(items, desc=doing, unit=unit, disable=None, leave=False, delay=2)


def content_hash(path: Path) -> str:
    """Return 32 hex digits of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
