"""Work through a plan: try what failed again, go on with the others, say how far it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from medloc.experiments.estimate import Clock, duration
from medloc.experiments.launchers import Launch, Task
from medloc.experiments.plan import Plan
from medloc.experiments.rows import PlannedRun
from medloc.experiments.work import Result
from medloc.runs import find_records

Say = Callable[[str], None]

PAUSE = 10.0  # seconds between two looks at what another process is making


@dataclass
class Tally:
    """How the grid went.

    Attributes:
        complete: the runs that are complete now.
        failed: the runs that failed on their last attempt, and why.
    """

    complete: list[PlannedRun] = field(default_factory=list)
    failed: dict[PlannedRun, str] = field(default_factory=dict)


def execute(plan: Plan, launch: Launch, retries: int, processes: int, say: Say) -> Tally:
    """Make every run of the plan.

    Args:
        plan: what there is to do.
        launch: how runs are worked through.
        retries: how often a failed run is tried again, after all others. What another process is making is waited for.
        processes: how many runs go on at once, for the remaining time.
        say: prints a line.
    """
    progress = _Progress(plan, processes, say)
    waiting = [item.run for item in plan.to_do]
    attempt = 0
    while waiting:
        failed: list[PlannedRun] = []
        claimed: list[PlannedRun] = []
        for result in launch([_task(plan, run) for run in waiting]):
            last = attempt >= retries or not result.again
            if result.claimed:
                claimed.append(result.run)
                continue
            if result.reason is not None and not last:
                failed.append(result.run)
            progress.count(result, last)
        waiting = [*failed, *claimed]
        if failed:
            attempt += 1
            say(f"{len(failed)} failed; trying again.")
        elif claimed:
            say(f"{len(claimed)} being made by another process; waiting for them.")
            time.sleep(PAUSE)
    return progress.tally


def _task(plan: Plan, run: PlannedRun) -> Task:
    return run, plan.setup.overrides(run)


class _Progress:
    """Says a line for every result: its number, its score, the time that is left."""

    def __init__(self, plan: Plan, processes: int, say: Say):
        self.plan, self.processes, self.say = plan, processes, say
        self.tally = Tally()
        self.clock = Clock(find_records(plan.setup.results).records)
        self.left = {item.run: item.steps for item in plan.to_do}
        self.noted: set[str] = set()

    def count(self, result: Result, last: bool) -> None:
        run, identity = result.run, result.run.identity
        for note in result.notes:
            if note not in self.noted:
                self.noted.add(note)
                self.say(note)
        if result.reason is None:
            self.tally.complete.append(run)
            if result.fresh:
                names = (identity["dataset"], identity["model"], identity["method"])
                self.clock.saw(*names, result.seconds, result.steps)
        elif last:
            self.tally.failed[run] = result.reason
        if result.reason is None or last:
            self.left.pop(run, None)
        total = len(self.plan.to_do)
        self.say(
            f"[{total - len(self.left)}/{total}] {self.plan.items[run]}: {self._ended(result, last)}{self._remaining()}"
        )

    def _ended(self, result: Result, last: bool) -> str:
        if result.reason is not None:
            return f"failed{'' if last else ', will be tried again'}: {result.reason}"
        score = "-" if result.a50 is None else f"{100 * result.a50:.2f}"
        return f"A@0.5 {score}, {duration(result.seconds) if result.fresh else 'was complete'}"

    def _remaining(self) -> str:
        times = [self.clock.seconds(run, steps) for run, steps in self.left.items()]
        known = [seconds for seconds in times if seconds is not None]
        if not known:
            return ""
        unknown = len(times) - len(known)
        more = f" and {unknown} of unknown time" if unknown else ""
        return f"; about {duration(sum(known) / self.processes)}{more} left"
