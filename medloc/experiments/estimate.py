"""How long runs take: of a grid, from how long such runs took; of a sweep of `medloc.run -m`, from its first ones."""

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Any

from medloc.experiments.rows import PlannedRun
from medloc.runs import Record


class Clock:
    """Median wall times of complete records, by data set, model and method, scaled by optimizer steps."""

    def __init__(self, records: Iterable[Record]):
        self._seen: dict[tuple[str, str, str], list[tuple[float, int]]] = defaultdict(list)
        for record in records:
            wall = record.timings.get("wall_s")
            if record.status == "complete" and wall is not None:
                self.saw(record.identity, wall, record.identity["steps"])

    def saw(self, identity: Any, seconds: float, steps: int) -> None:
        """Add one measured run."""
        self._seen[_kind(identity)].append((seconds, steps))

    def seconds(self, run: PlannedRun, steps: int | None) -> float | None:
        """Return the wall time to expect of a run of so many steps; None where none like it was measured.

        Everything is taken to grow with the steps: a run's evaluations stand at every tenth of it, but its first and
        last do not, so that a long run is overestimated from a short one.
        """
        scaled = [seconds * steps / n if steps and n else seconds for seconds, n in self._seen[_kind(run.identity)]]
        return median(scaled) if scaled else None


def _kind(identity: Any) -> tuple[str, str, str]:
    return identity["dataset"], identity["model"], identity["method"]


def time_text(times: Sequence[float | None], processes: int) -> str:
    """Return the time that runs take together, shared by `processes`: "about 6 min and 2 of unknown time"."""
    known = [seconds for seconds in times if seconds is not None]
    if not known:
        return "time unknown"
    unknown = f" and {len(times) - len(known)} of unknown time" if len(known) < len(times) else ""
    return f"about {duration(sum(known) / processes)}{unknown}"


def duration(seconds: float) -> str:
    """Return a time as a person says it: "45 s", "12 min", "3 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def sweep_runs(arguments: Sequence[str]) -> list[list[str]] | None:
    """Return the overrides of each run of a command line; None where it is no sweep, or cannot be read beforehand."""
    if not {"-m", "--multirun"} & set(arguments):
        return None
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        overrides = OverridesParser.create().parse_overrides([each for each in arguments if not each.startswith("-")])
        (runs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    except HydraException:
        return None
    return [list(run) for run in runs]


class Sweep:
    """Says a line as each run of a sweep begins: which it is, and the time that is left.

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
        remaining = f"; about {duration(fmean(self._seconds) * left)} left" if self._seconds else ""
        return f"run {self.number} of {self.total}: {name}{remaining}"

    def end(self, fresh: bool) -> None:
        """Takes in how long the run took; one that was complete before says nothing about the others."""
        if fresh:
            self._seconds.append(time.perf_counter() - self._began)
