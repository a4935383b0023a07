"""Which thresholds a schedule can ever reach: the path of a curriculum whose criterion always holds."""

from medloc.curriculum.build import SCHEDULES
from medloc.curriculum.curriculum import next_tau
from medloc.curriculum.schedule import Schedule
from medloc.experiments.catalog import Row
from medloc.spec.compose import default_choices, option_values

MOST = 12
"""Thresholds kept of a path; linear and cosine steps never quite arrive."""


def tau_path(schedule: Schedule) -> tuple[float, ...]:
    """Return tau0 and every threshold after it, raised at every step as Equation 10 has it, until it stands still."""
    path = [float(schedule.tau0)]
    while len(path) < MOST and next_tau(path[-1], schedule) > path[-1]:
        path.append(next_tau(path[-1], schedule))
    return tuple(path)


def schedule_of(row: Row) -> Schedule:
    """Build the schedule of a row: what `conf/` says, with the row's own overrides."""
    name = str(row.set.get("schedule", default_choices()["schedule"]))
    build, keys = SCHEDULES[name]
    values = option_values("schedule", name)
    return build(*(row.set.get(f"schedule.{key}", values[key]) for key in keys))


def path_text(path: tuple[float, ...]) -> str:
    """Return the path as a table prints it: "0.30 → 0.45 → 0.60"."""
    return " → ".join(f"{tau:.2f}" for tau in path)
