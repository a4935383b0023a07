"""The processes that train together: who this one is, and the few things they tell each other outside the trainer.

In an ordinary run there is one, and everything here does nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from accelerate.utils import broadcast_object_list, gather_object
from torch import distributed

T = TypeVar("T")


def together() -> bool:
    """Tells whether there are several processes."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def rank() -> int:
    """Returns this process's number, from 0."""
    return distributed.get_rank() if together() else 0


def ranks() -> int:
    """Returns how many processes there are."""
    return distributed.get_world_size() if together() else 1


def first() -> bool:
    """Tells whether this is the process that writes the run's files."""
    return rank() == 0


def meet() -> None:
    """Waits until every process has come here."""
    if together():
        distributed.barrier()


def told(value: T) -> T:
    """Returns the first process's value on every one."""
    return broadcast_object_list([value])[0] if together() else value


@contextmanager
def first_alone() -> Iterator[None]:
    """Lets the first process through before the others, which find what it wrote."""
    if not first():
        meet()
    yield
    if first():
        meet()


def shared_out(work: Callable[[Sequence[Any]], list[T]], items: Sequence[Any]) -> list[T]:
    """Does `work` on every item, each process on its share; every process gets all results, in the order of the items.

    Shares are equally long (the last item is done again where they would not be), so that processes among which a
    model is sharded make the same passes.
    """
    if not together():
        return work(items)
    size, each = ranks(), -(-len(items) // ranks())
    mine = [items[min(i * size + rank(), len(items) - 1)] for i in range(each)]
    gathered = gather_object(work(mine))  # one process's share after the other
    return [gathered[(i % size) * each + i // size] for i in range(len(items))]
