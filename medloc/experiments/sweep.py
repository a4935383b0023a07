"""Where a sweep of `medloc.run -m` is: run i of n, and the time that is left."""

import os
import time
from collections.abc import Sequence
from math import prod

from medloc.experiments.estimate import duration


def sweep_size(arguments: Sequence[str]) -> int | None:
    """Return how many runs a command line asks for; None where it is no sweep, or cannot be counted beforehand."""
    if not {"-m", "--multirun"} & set(arguments):
        return None
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        overrides = OverridesParser.create().parse_overrides([each for each in arguments if not each.startswith("-")])
        return prod(len(list(each.sweep_string_iterator())) for each in overrides if each.is_sweep_override())
    except HydraException:
        return None


class Sweep:
    """Says a line as each run begins.

    Args:
        total: runs in all.
    """

    def __init__(self, total: int):
        self.total, self.number, self._process = total, 0, os.getpid()
        self._seconds: list[float] = []
        self._began = 0.0

    def begin(self, name: str) -> str:
        """Return the line for the next run; nothing in a launcher's other processes, which know only their own."""
        if os.getpid() != self._process:
            return ""
        self.number += 1
        self._began = time.perf_counter()
        left = self.total - self.number + 1
        mean = sum(self._seconds) / len(self._seconds) if self._seconds else None
        remaining = f"; about {duration(mean * left)} left" if mean is not None else ""
        return f"run {self.number} of {self.total}: {name}{remaining}"

    def end(self, fresh: bool) -> None:
        """Takes in how long the run took; one that was complete before says nothing about the others."""
        if fresh:
            self._seconds.append(time.perf_counter() - self._began)
