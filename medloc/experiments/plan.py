"""The plan: every distinct run, what has to be done about it, and how that reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medloc.experiments.estimate import Clock, duration
from medloc.experiments.expand import Experiment, Row
from medloc.experiments.obstacles import obstacle
from medloc.experiments.planned import PlannedRun
from medloc.experiments.setup import Setup
from medloc.experiments.state import Known, State, steps
from medloc.spec.words import settings_of


@dataclass(frozen=True)
class Item:
    """A distinct run of the grid.

    Attributes:
        run: what it is.
        row: the first row that wants it: "table1 MedLoc-R1-3B piecewise".
        state: how far it is.
        reason: why it failed the last time; "" otherwise.
        obstacle: why it cannot be run here; None where it can.
        steps: optimizer steps it asks for; None where epochs decide.
        seconds: how long it will take; None where nothing like it was measured.
    """

    run: PlannedRun
    row: str
    state: State
    reason: str
    obstacle: str | None
    steps: int | None
    seconds: float | None

    def __str__(self) -> str:
        """Return the run as the plan and its progress name it."""
        return f"{self.row}, {self.run.identity['dataset']}, seed {self.run.identity['seed']}"

    @property
    def to_do(self) -> bool:
        """Whether it will be run."""
        return self.state != "complete" and self.obstacle is None


@dataclass(frozen=True)
class Plan:
    """All distinct runs, in the order in which the experiments want them."""

    setup: Setup
    items: dict[PlannedRun, Item]

    @property
    def to_do(self) -> tuple[Item, ...]:
        """The runs that will be made."""
        return tuple(item for item in self.items.values() if item.to_do)

    @property
    def blocked(self) -> tuple[Item, ...]:
        """The runs that are missing and cannot be made here."""
        return tuple(item for item in self.items.values() if item.state != "complete" and item.obstacle)


def make_plan(setup: Setup) -> Plan:
    """Find out what there is to do.

    Raises:
        ValueError: the data of a complete run cannot be read any more.
        OSError: likewise.
    """
    known = Known(setup)
    clock = Clock(known.records)
    items: dict[PlannedRun, Item] = {}
    for wants, row in _rows(setup):
        for run in row.runs():
            if run in items:
                continue
            length = steps(settings_of(setup.overrides(run)))
            state, reason = known.state(run)
            seconds = clock.seconds(run, length)
            items[run] = Item(run, f"{wants.name} {row.name}", state, reason, obstacle(run), length, seconds)
    return Plan(setup, items)


def plan_text(plan: Plan, processes: int) -> str:
    """Return the plan for a reader: a line per row with what is missing from it, then the sum."""
    thinning = plan.setup.thinning
    lines = ["SMOKE: a few steps on a few phantoms; the numbers mean nothing.\n"] if thinning.smoke else []
    for each in plan.setup.experiments:
        lines.append(f"{each.name}: {each.shows}")
        lines += [f"  {_row_line(plan, each, row)}" for row in each.rows] or ["  needs no run"]
    return "\n".join([*lines, "", *_sum(plan, processes)])


def _rows(setup: Setup) -> Iterator[tuple[Experiment, Row]]:
    return ((each, row) for each in setup.experiments for row in each.rows)


def _row_line(plan: Plan, each: Experiment, row: Row) -> str:
    items = [plan.items[run] for run in row.runs()]
    own = [item for item in items if item.row == f"{each.name} {row.name}"]
    missing = [item for item in own if item.to_do]
    blocked = [item for item in own if item.obstacle and item.state != "complete"]
    words = [f"{len(items)} run{'s' if len(items) != 1 else ''}"]
    shared = sorted({item.row for item in items if item not in own})
    words += [f"{len(items) - len(own)} shared with {'; '.join(shared)}"] if shared else []
    complete = sum(item.state == "complete" for item in own)
    words += [f"{complete} complete"] if complete else []
    words += [f"{len(missing)} to do{_states(missing)}, {_time(missing, 1)}"] if missing else []
    words += [f"{len(blocked)} not runnable here"] if blocked else []
    return f"{row.name}: {', '.join(words)}"


def _states(items: Sequence[Item]) -> str:
    """Say how many go on from where they stopped and how many failed before."""
    counts = {state: sum(item.state == state for item in items) for state in ("interrupted", "failed")}
    said = [f"{count} {state}" for state, count in counts.items() if count]
    return f" ({', '.join(said)})" if said else ""


def _time(items: Sequence[Item], processes: int) -> str:
    known = [item.seconds for item in items if item.seconds is not None]
    unknown = len(items) - len(known)
    if not known:
        return "time unknown"
    about = f"about {duration(sum(known) / processes)}"
    return about if not unknown else f"{about} and {unknown} of unknown time"


def _sum(plan: Plan, processes: int) -> list[str]:
    items = plan.items.values()
    complete = sum(item.state == "complete" for item in items)
    lines = [f"  failed before: {item}: {item.reason}" for item in items if item.to_do and item.state == "failed"]
    reasons: dict[str, int] = {}
    for item in plan.blocked:
        assert item.obstacle is not None
        reasons[item.obstacle] = reasons.get(item.obstacle, 0) + 1
    lines += [f"  not runnable here, {count} run{'s' * (count > 1)}: {reason}" for reason, count in reasons.items()]
    lines.append(
        f"{len(items)} distinct runs in {plan.setup.results}: {complete} complete, {len(plan.to_do)} to do, "
        f"{len(plan.blocked)} not runnable here."
    )
    if plan.to_do:
        on = f" on {processes} processes" if processes > 1 else ""
        lines.append(f"To do{on}: {_time(plan.to_do, processes)}.")
    return lines
