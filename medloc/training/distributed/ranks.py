"""Messages between the processes that train together, outside the trainer. With a single process they do nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from accelerate.utils import broadcast_object_list, gather_object
from torch import distributed

T = TypeVar("T")


def is_distributed() -> bool:
    """Return whether there are several processes."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def rank() -> int:
    """Return this process's number, from 0."""
    return distributed.get_rank() if is_distributed() else 0


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if is_distributed() else 1


def is_main_process() -> bool:
    """Return whether this process (rank 0) writes the run's files."""
    return rank() == 0


def barrier() -> None:
    """Wait until every process has reached this call."""
    if is_distributed():
        distributed.barrier()


def broadcast_from_rank0(value: T) -> T:
    """Return rank 0's value on every process."""
    return broadcast_object_list([value])[0] if is_distributed() else value


def max_across_ranks(value: float) -> float:
    """Return the largest of all processes' values."""
    return max(gather_object([value])) if is_distributed() else value


@contextmanager
def main_process_first() -> Iterator[None]:
    """Run the block on rank 0 before the others, which find what it wrote."""
    if not is_main_process():
        barrier()
    yield
    if is_main_process():
        barrier()


def map_across_ranks(work: Callable[[Sequence[Any]], list[T]], items: Sequence[Any]) -> list[T]:
    """Do `work` on all items, each process on its share. Every process gets all results, in the order of the items.

    All shares have the same length (the last item is done again to fill them), so that processes among which a model
    is sharded make the same passes.
    """
    if not is_distributed():
        return work(items)
    size, each = world_size(), -(-len(items) // world_size())
    mine = [items[min(i * size + rank(), len(items) - 1)] for i in range(each)]
    gathered = gather_object(work(mine))  # one process's share after the other
    return [gathered[(i % size) * each + i // size] for i in range(len(items))]
