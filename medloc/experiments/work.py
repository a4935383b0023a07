"""One run of the grid, in whatever process it is called."""

import os
import time
from dataclasses import dataclass

from medloc.experiments.rows import PlannedRun
from medloc.training.runner.machine import end_when_asked


@dataclass(frozen=True)
class Result:
    """How one attempt at a run ended.

    Attributes:
        run: what was run.
        reason: why it failed, in one line; None if it is complete.
        again: whether another attempt could end otherwise.
        claimed: whether another process is making it, so that there was no attempt.
        fresh: whether there was anything to do.
        seconds: wall time, of a complete run as its record has it: without what is imported once.
        steps: optimizer steps its record names.
        a50: accuracy at IoU 0.5 on the test images, as a fraction.
        notes: what the reader of the data set had to say.
    """

    run: PlannedRun
    reason: str | None = None
    again: bool = True
    claimed: bool = False
    fresh: bool = True
    seconds: float = 0.0
    steps: int = 0
    a50: float | None = None
    notes: tuple[str, ...] = ()


def do_run(run: PlannedRun, overrides: tuple[str, ...]) -> Result:
    """Make one run, or what is left of it; a failure comes back as a result, so that the others go on."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from medloc.spec.compose import COMPOSITION_ERRORS, compose_job, composition_error

    end_when_asked()
    begin = time.perf_counter()
    try:
        job = compose_job(overrides)
    except COMPOSITION_ERRORS as error:
        return Result(run, composition_error(error, "run"), again=False)
    except ValueError as error:
        return Result(run, str(error), again=False)
    from medloc.runs.claim import ClaimedError
    from medloc.training.distributed.launch import do_job  # torch is imported here

    try:
        outcome = do_job(job)
    except ClaimedError as error:
        return Result(run, str(error), claimed=True)
    except Exception as error:  # whatever ended this run must not end the grid; its record says `failed` and why
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Result(run, reason, seconds=time.perf_counter() - begin)
    final, wall = outcome.record.metrics["final"], outcome.record.timings.get("wall_s")
    return Result(
        run,
        fresh=outcome.fresh,
        seconds=time.perf_counter() - begin if wall is None else wall,
        steps=outcome.record.identity["steps"],
        a50=final["a50"] if final else None,
        notes=outcome.notes,
    )
