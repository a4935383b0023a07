"""Work through a plan: try what failed again, go on with the others, say how far it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from medloc.experiments.estimate import Clock, duration, time_text
from medloc.experiments.launchers import Launch, Result
from medloc.experiments.plan import Plan
from medloc.experiments.rows import PlannedRun
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
        for result in launch([(run, plan.setup.overrides(run)) for run in waiting]):
            if result.claimed:
                claimed.append(result.run)
                continue
            again = result.reason is not None and result.again and attempt < retries
            if again:
                failed.append(result.run)
            progress.count(result, again)
        waiting = [*failed, *claimed]
        if failed:
            attempt += 1
            say(f"{len(failed)} failed; trying again.")
        elif claimed:
            say(f"{len(claimed)} being made by another process; waiting for them.")
            time.sleep(PAUSE)
    return progress.tally


class _Progress:
    """Says a line for every result: its number, its score, the time that is left."""

    def __init__(self, plan: Plan, processes: int, say: Say):
        self.plan, self.processes, self.say = plan, processes, say
        self.tally = Tally()
        self.clock = Clock(find_records(plan.setup.results).records)
        self.left = {item.run: item.steps for item in plan.to_do}
        self.total = len(self.left)
        self.noted: set[str] = set()

    def count(self, result: Result, again: bool) -> None:
        for note in result.notes:
            if note not in self.noted:
                self.noted.add(note)
                self.say(note)
        run = result.run
        if result.reason is not None:
            said = f"failed{', will be tried again' if again else ''}: {result.reason}"
        else:
            score = "-" if result.a50 is None else f"{100 * result.a50:.2f}"
            said = f"A@0.5 {score}, {duration(result.seconds) if result.fresh else 'was complete'}"
            self.tally.complete.append(run)
            if result.fresh:
                self.clock.saw(run.identity, result.seconds, result.steps)
        if not again:
            del self.left[run]
            if result.reason is not None:
                self.tally.failed[run] = result.reason
        times = [self.clock.seconds(each, steps) for each, steps in self.left.items()]
        remaining = f"; {time_text(times, self.processes)} left" if any(times) else ""
        self.say(f"[{self.total - len(self.left)}/{self.total}] {self.plan.items[run]}: {said}{remaining}")
