"""Read files that somebody else wrote: limits on their size, and the errors found in them.

Input files are treated as untrusted. No honest file comes near these limits. A file beyond one is named and refused,
so that no line, field or image can fill the memory.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

LINE = 2**20
"""Bytes of one line, its end included: of a manifest, a table, a label file."""

FIELD = 4096
"""Characters of one text: an id, a path, a class, a group, a prompt, a cell of a table."""

SIDECAR = 2**20
"""Bytes of one image's own label file (YOLO, VOC) and of a list of class names."""

DOCUMENT = 2**28
"""Bytes of a COCO file, which is read as a whole."""

BOXES = 1000
"""Boxes, or components of masks, on one image."""

PIXELS = 2**26
"""Pixels of one image or mask: 8192 x 8192."""

LISTED = 10_000
"""Errors that are kept to be shown; all are counted."""

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
    "literal_error": "must be {expected}.",
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
            self.errors.append(" ".join(f"{where}: {what}".split()) if where else " ".join(str(what).split()))

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
            long = len(line) > LINE
            if long:
                _skip(file, line)
            yield number, None if long else line


def _skip(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(LINE)


def limited_text(value: object, what: str) -> str:
    """Return a text of at most `FIELD` characters as it is.

    Raises:
        ValueError: It is no text, or longer; `what` names it.
    """
    if not isinstance(value, str):
        raise ValueError(f"{what} must be a text.")
    if len(value) > FIELD:
        raise ValueError(f"{what} has more than {FIELD} characters.")
    return value


def parse_json(kind: Callable[..., T], content: bytes) -> T:
    """Return the JSON object in `content` as a dataclass whose annotations are its schema (pydantic's).

    Raises:
        ValueError: One line that names the field and the rule.
    """
    try:
        value: T = _schema(kind).validate_json(content)
        return value
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
