"""How long a run will take, from how long such runs took."""

from collections.abc import Iterable
from statistics import median

from medloc.experiments.rows import PlannedRun
from medloc.runs import Record


class Clock:
    """Median wall times of complete records, by data set, model and method, scaled by optimizer steps."""

    def __init__(self, records: Iterable[Record]):
        self._seconds: dict[tuple[str, str, str], list[tuple[float, int]]] = {}
        for record in records:
            wall = record.timings.get("wall_s")
            if record.status == "complete" and wall is not None:
                identity = record.identity
                self.saw(identity["dataset"], identity["model"], identity["method"], wall, identity["steps"])

    def saw(self, dataset: str, model: str, method: str, seconds: float, steps: int) -> None:
        """Add one measured run."""
        self._seconds.setdefault((dataset, model, method), []).append((seconds, steps))

    def seconds(self, run: PlannedRun, steps: int | None) -> float | None:
        """Return the wall time to expect of a run of so many steps; None where none like it was measured.

        Everything is taken to grow with the steps: a run's evaluations stand at every tenth of it, but its first and
        last do not, so that a long run is overestimated from a short one.
        """
        key = (run.identity["dataset"], run.identity["model"], run.identity["method"])
        scaled = [s * steps / n if steps and n else s for s, n in self._seconds.get(key, [])]
        return median(scaled) if scaled else None


def duration(seconds: float) -> str:
    """Return a time as a person says it: "45 s", "12 min", "3 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
