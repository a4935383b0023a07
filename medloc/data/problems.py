"""What was wrong with a data set, collected while reading goes on: all of it is shown, not only the first."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from medloc.data.limits import LISTED


class Problems:
    """Errors, each with file and line, and quirks, counted.

    Attributes:
        errors: the first `LISTED` errors, in order.
        count: how many there were.
        quirks: what is odd and no error -> how often.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.count = 0
        self.quirks: Counter[str] = Counter()

    def error(self, where: str, what: object) -> None:
        """Keep one error; `where` is a file, with its line where it has lines, or "" if `what` says it."""
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

    def raise_first(self, remedy: str) -> None:
        """Raise the first error, if there is one, with how many more there are and what to do.

        Raises:
            ValueError: there was an error.
        """
        if self.count:
            more = f" ({self.count - 1} more such errors)" if self.count > 1 else ""
            raise ValueError(f"{self.errors[0]}{more} {remedy}".rstrip())
