"""One run of a grid, and three ways to work through a list of them: one after the other, several processes, a cluster.

For several processes the joblib library is used and not Hydra's joblib launcher: a launcher takes one product of
overrides, while a grid is a union of many; the library takes the list, hands back each result as it comes, and keeps
its processes warm, so that torch is imported once per process.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.experiments.rows import PlannedRun
from medloc.training.runner.machine import end_when_asked

Task = tuple[PlannedRun, tuple[str, ...]]
"""A run and everything that `medloc.run` is told for it."""

DIED = "its process died (killed, or out of memory)"


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


Launch = Callable[[Sequence[Task]], Iterator[Result]]


def serially(tasks: Sequence[Task]) -> Iterator[Result]:
    """Yield the results of runs made one after the other in this process."""
    return (do_run(*task) for task in tasks)


def joblib_launch(processes: int) -> Launch:
    """Return a launch over so many processes; each run should have `threads=1`."""

    def launch(tasks: Sequence[Task]) -> Iterator[Result]:
        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        waiting, begun = list(tasks), dict[PlannedRun, Task]()

        def feed() -> Iterator[Any]:
            while waiting:
                task = waiting.pop(0)
                begun[task[0]] = task
                yield delayed(do_run)(*task)

        while waiting:
            parallel = Parallel(processes, pre_dispatch=processes, batch_size=1, return_as="generator_unordered")
            try:
                for result in parallel(feed()):
                    del begun[result.run]
                    yield result
            except TerminatedWorkerError:  # one of those begun took its process and the others' with it: which?
                for task in begun.values():
                    yield _alone(task)
                begun.clear()

    return launch


def _alone(task: Task) -> Result:
    """Make one run in a process of its own, whose death then is this run's."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        (result,) = Parallel(2)([delayed(do_run)(*task)])  # Parallel(1) would be this very process
    except TerminatedWorkerError:
        return Result(task[0], DIED)
    assert isinstance(result, Result)
    return result


def submitit_launch(folder: Path, parameters: Mapping[str, Any]) -> Launch:
    """Return a launch that submits every run as a job to the cluster and waits for them.

    Args:
        folder: submitit's own files; every node must see it.
        parameters: of `submitit.AutoExecutor.update_parameters`; `cluster` names the executor ("local" for a trial).

    Raises:
        ValueError: submitit is not installed, or does not know a parameter.
    """
    try:
        import submitit
    except ImportError:
        raise ValueError(
            "--launch submitit needs the package submitit, which is not installed; `pip install 'medloc[cluster]'`, "
            "or use --launch joblib."
        ) from None
    given = dict(parameters)
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=given.pop("cluster", None))
        executor.update_parameters(**given)
    except (NameError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"--cluster: {' '.join(str(error).split())}") from None

    def launch(tasks: Sequence[Task]) -> Iterator[Result]:
        with executor.batch():
            jobs = [executor.submit(do_run, *task) for task in tasks]
        runs = {job.job_id: run for job, (run, _) in zip(jobs, tasks, strict=True)}
        for job in submitit.helpers.as_completed(jobs):
            error = job.exception()
            yield Result(runs[job.job_id], f"{DIED}: {str(error).splitlines()[-1]}") if error else job.result()

    return launch
