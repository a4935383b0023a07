"""Files that somebody else wrote: their limits and errors, where they lie, and what is remembered of them.

Input files are treated as untrusted. No honest file comes near these limits. A file beyond one is named and refused,
so that no line, field or image can fill the memory.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from medloc.runs.atomic import atomic_writer

T = TypeVar("T")

LINE = 2**20
"""Bytes of one line, its end included: of a manifest, a table, a label file."""

FIELD = 4096
"""Characters of one text: an id, a path, a class, a group, a prompt, a cell of a table."""

SIDECAR = 2**20
"""Bytes of one image's own label file (YOLO, VOC) and of a list of class names."""

DOCUMENT = 2**28
"""Most bytes of a COCO file; the reader holds the whole file in memory."""

BOXES = 1000
"""Boxes, or components of masks, on one image."""

PIXELS = 2**26
"""Pixels of one image or mask: 8192 x 8192."""

LISTED = 10_000
"""Errors that are kept to be shown; all are counted."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
"""Endings of the images of HAM10000, TN3K and HEEL."""

RULES = {
    "json_invalid": "is not JSON; is it cut off?",
    "dataclass_type": "must be a JSON object.",
    "missing": "is missing.",
    "string_type": "must be a text.",
    "string_too_long": "has more than {max_length} characters.",
    "string_pattern_mismatch": "must not be empty.",
    "int_type": "must be a whole number, at least 1.",
    "int_from_float": "must be a whole number, at least 1.",
    "greater_than_equal": "must be a whole number, at least 1.",
    "less_than": "must be below {lt}.",
    "less_than_equal": "must be at most {le}.",
    "tuple_type": "must be a list.",
    "too_long": "has more than {max_length} entries.",
}
"""Pydantic's type of an error -> the rule in our words, with the values of its context."""


class Problems:
    """Errors, each with file and line, and quirks, counted; reading goes on after both.

    Attributes:
        errors: The first `LISTED` errors, in order.
        count: How many errors there were.
        quirks: What is odd but no error -> how often.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.count = 0
        self.quirks: Counter[str] = Counter()

    def error(self, where: str, what: object) -> None:
        """Keep one error; `where` is a file, with its line where it has lines, or "" if `what` names it."""
        self.count += 1
        if self.count <= LISTED:
            self.errors.append(" ".join((f"{where}: {what}" if where else str(what)).split()))

    @contextmanager
    def collected(self, where: str = "") -> Iterator[None]:
        """Keep a ValueError or OSError of the block as an error and go on after it."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.error(where, error)

    def raise_first(self, remedy: str = "") -> None:
        """Raise the first error, if there is one, with how many more there are and what to do.

        Raises:
            ValueError: There was an error.
        """
        if self.count:
            more = f" ({self.count - 1} more such errors)" if self.count > 1 else ""
            raise ValueError(f"{self.errors[0]}{more} {remedy}".rstrip())


def limited_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a file.

    Raises:
        ValueError: It holds more than `limit` bytes; the message names it.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path}: holds more than {limit} bytes; is it what its name says?")
    return content


def limited_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of every line; None stands for one of more than `LINE` bytes, which is skipped."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE + 1):
            number += 1
            yield number, line if len(line) <= LINE else None
            while line and not line.endswith(b"\n"):
                line = file.readline(LINE)


def parse_json(kind: Any, content: bytes) -> Any:
    """Return JSON as a `kind`: a type, or a dataclass whose annotations are its schema (pydantic's).

    Raises:
        ValueError: One line that names the field and the rule.
    """
    return _checked(kind, "validate_json", content)


def parsed(kind: Any, value: Any) -> Any:
    """Return a Python object as a `kind`, as `parse_json` does."""
    return _checked(kind, "validate_python", value)


def _checked(kind: Any, how: str, value: Any) -> Any:
    try:
        return getattr(_schema(kind), how)(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        unknown = [one for one in found if one["type"] == "unexpected_keyword_argument"]
        raise ValueError(_plainly(kind, (unknown or found)[0])) from None


@cache
def _schema(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plainly(kind: Any, error: Any) -> str:
    """Say one error of pydantic as `field rule`."""
    first, *inner = error["loc"] or ("",)
    field = "".join([str(first)[:80], *(f"[{place}]" for place in inner if isinstance(place, int))])
    if error["type"] == "unexpected_keyword_argument":
        known = ", ".join(sorted(each.name for each in fields(kind)))
        return f"{field!r} is no key of this line; the keys are {known}."
    if error["type"] == "value_error":
        return f"{field}: {error['ctx']['error']}"
    rule = RULES.get(error["type"], f"{error['msg'][:1].lower()}{error['msg'][1:]}.")
    return f"{field} {rule.format(**error.get('ctx', {}))}".strip()


def require_folder(folder: Path, message: str) -> Path:
    """Return `folder` if it is one.

    Raises:
        FileNotFoundError: It is none; with `message`.
    """
    if not folder.is_dir():
        raise FileNotFoundError(message)
    return folder


def visible_files(root: Path, suffixes: Sequence[str] = ()) -> list[Path]:
    """Return all files below `root`, or those with these endings, by path; no hidden ones and no `__MACOSX`."""
    found = {}
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        if (not suffixes or path.suffix.lower() in suffixes) and path.is_file():
            found["/".join(parts)] = path
    return [found[name] for name in sorted(found)]


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
        found = real.is_file()
    except ValueError:
        raise ValueError(f"{name!r} is no path.") from None
    except (OSError, RuntimeError):  # a name no file can have, links in a circle
        raise ValueError(f"{name}: no such file in {root}.") from None
    if not real.is_relative_to(root):
        raise ValueError(f"{name} leaves the data folder {root}; copy the file into it, or name a folder around both.")
    if not found:
        raise ValueError(f"{name}: no such file in {root}.")
    return path


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

        What `file` has before the data folder does not count: the folder's own name, or the place of an absolute path.

        Raises:
            ValueError: Several fit.
        """
        parts, found = file.replace("\\", "/").removeprefix("./").split("/"), list[Path]()
        absolute = parts[0] == "" or parts[0].endswith(":")
        for start in range(len(parts)):
            if not start or absolute or tuple(parts[:start]) == self._root.parts[-start:]:
                found = found or self._ends.get("/".join(parts[start:]), [])
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
        needed, common = self._folders.intersection(folders), dict[int, list[Path]]()
        for image in self._ends.get(stem or path.stem, []):
            parts = image.relative_to(self._root).parts[:-1]
            if needed.issubset(parts):
                pairs = zip(reversed(parts), reversed(folders), strict=False)
                common.setdefault(sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)), []).append(image)
        found = common[max(common)] if common else []
        if len(found) > 1:
            raise ValueError(f"{path}: fits {len(found)} images, {found[0]} and {found[1]} among them; rename one.")
        return found[0] if found else None


class FileCache:
    """Remember what was computed from files, each as long as its inode, size and times stay the same.

    The memory is one JSON file per data folder. A memory that is damaged, or of another version, is forgotten.
    """

    def __init__(self, kind: str, version: object, root: Path, folder: Path):
        """Load what `folder` remembers of the files below `root`.

        Args:
            kind: What is computed, such as "masks"; the beginning of the memory's name.
            version: Of the code that computes it, a number or text.
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


def content_hash(path: Path) -> str:
    """Return 32 hex digits of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def progress(items: Iterable[T], doing: str, unit: str = "image") -> Iterable[T]:
    """Show a bar on standard error after two seconds, only where somebody can see it."""
    return tqdm(items, desc=doing, unit=unit, disable=None, leave=False, delay=2)
