"""A bar with the remaining time beside long work, on standard error, only where somebody can see it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def watched(items: Sequence[T], what: str, unit: str) -> Iterable[T]:
    """Returns the items, with a bar that begins after two seconds and leaves nothing behind."""
    return tqdm(items, desc=what, unit=unit, disable=None, leave=False, delay=2)


def in_batches(items: Sequence[T], size: int, what: str) -> Iterator[Sequence[T]]:
    """Yields slices of at most `size` items, with a bar that counts the items."""
    with tqdm(total=len(items), desc=what, unit="image", disable=None, leave=False, delay=2) as bar:
        for start in range(0, len(items), size):
            batch = items[start : start + size]
            yield batch
            bar.update(len(batch))
