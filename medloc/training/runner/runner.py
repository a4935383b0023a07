"""One run from its settings to its record: load, answer before, train, answer after, write down."""

import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from transformers.utils import logging as transformers_logging

from medloc.data import LoadedDataset, load_dataset
from medloc.runs.atomic import sweep
from medloc.runs.key import run_key
from medloc.runs.record import Record
from medloc.runs.store import read_record, write_record
from medloc.spec.compose import Job, run_identity
from medloc.spec.machine import cores
from medloc.spec.run import RunSpec
from medloc.spec.train import describe_batches
from medloc.training.distributed.ranks import first, first_alone, meet, told
from medloc.training.runner.arguments import planned_steps
from medloc.training.runner.claim import ClaimedError, claim
from medloc.training.runner.disk_space import require_writable
from medloc.training.runner.hardware import peak_memory_mb, set_determinism, set_threads
from medloc.training.runner.measure import evaluated, measure
from medloc.training.runner.opening import now, opening_record
from medloc.training.systems import System, check_family, load_system
from medloc.training.tracking.follow import Follower

Close = Callable[[Path, Record, Mapping[str, Path]], str]
"""Draws a run's pictures from its folder, its record and its images, and returns the closing text."""


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: where it lies.
        record: its record.
        fresh: whether anything had to be done.
        images: the file of each image it was evaluated on, by id.
        notes: what the data set's reader, the system and the tracking had to say.
        closing: what there is to show at its end; "" where nobody asked or nothing was done.
    """

    folder: Path
    record: Record
    fresh: bool
    images: dict[str, Path]
    notes: tuple[str, ...]
    closing: str = ""


def run_job(
    job: Job, *, say: Callable[[str], object] = lambda line: None, wait: bool = False, close: Close | None = None
) -> Outcome:
    """Does one run, or what is left of it.

    A complete run is not repeated, an interrupted one goes on from its last checkpoint, a failed one is tried again.

    Args:
        job: the run.
        say: is told in one line, before it starts, what a step and an epoch of it are.
        wait: if another process is making it, until that has ended.
        close: draws its pictures; they are there before a tracking service is told the end.

    Raises:
        ClaimedError: another process is making it, and `wait` is not set.
        Stopped: SIGTERM came; everything up to a checkpoint of this moment is kept.
        Exception: whatever else ended the run; its record then says `failed` and why.
    """
    settings = job.settings
    check_family(settings)
    for name in ("results", "cache"):
        require_writable(name, Path(getattr(settings, name)).expanduser().resolve())
    threads = settings.threads or max(1, cores() // settings.launch.processes)
    set_threads(threads)
    set_determinism(settings.deterministic)
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    with first_alone():
        data = load_dataset(settings.dataset, Path(settings.cache))
    system = load_system(settings)
    used = {**job.used, "threads": threads}
    key = run_key(run_identity(job.config), data=data.fingerprint, model=system.fingerprint)
    folder = Path(settings.results).expanduser().resolve() / "runs" / key
    images = {example.id: example.image for example in evaluated(settings, data)}
    notes = (*data.notes, *system.notes(data.train))
    earlier = told(_earlier(folder))
    if earlier and earlier.status == "complete" and not settings.rerun:
        if first() and (folder / "checkpoints").exists():  # killed between its record and their removal, or about to be
            with suppress(ClaimedError), claim(folder):
                shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return Outcome(folder, earlier, False, images, notes)
    with claim(folder, wait):
        meet()
        earlier = told(_earlier(folder))  # whoever held the claim may have come to its end
        if earlier and earlier.status == "complete" and not settings.rerun:
            return Outcome(folder, earlier, False, images, notes)
        record = opening_record(job, key, used, data, system.fingerprint, threads)
        if first():
            if settings.rerun and earlier:
                folder.rename(folder.with_name(f"{key}.moved-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
            if trainer := settings.method.trainer:
                total = planned_steps(settings.train, len(data.train))
                say(describe_batches(settings.train, settings.launch, trainer, len(data.train), total))
            folder.mkdir(parents=True, exist_ok=True)
            sweep(folder)
        meet()
        with Follower(settings, folder, record) as follower:
            if first():
                write_record(folder, record)
            done = _finish(record, folder, settings, data, system, follower)
            closing = close(folder, done, images) if close and first() else ""
            if first():
                follower.complete(done, images)
        meet()
        notes = (*notes, *filter(None, [follower.tracker.note]))
        return Outcome(folder, done, True, images, notes, closing)


def _earlier(folder: Path) -> Record | None:
    try:
        return read_record(folder / "record.json")
    except FileNotFoundError:
        return None
    except ValueError:  # torn or of another schema: the run starts over from its checkpoints
        return None


def _finish(
    record: Record, folder: Path, settings: RunSpec, data: LoadedDataset, system: System, follower: Follower
) -> Record:
    """Runs to the end and writes the record, whichever end it is."""
    begin = time.perf_counter()
    try:
        metrics, timings = measure(folder, settings, data, system, follower)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        known = _earlier(folder)
        if known and known.status == "failed":  # another process was first, and its end caused this one
            raise
        with suppress(OSError):  # a disk that is full takes no record either: it stays `running`
            write_record(folder, replace(record, status="failed", reason=reason, ended=now()))
        raise
    done = replace(
        record,
        status="complete",
        metrics=metrics,
        timings={"wall_s": round(time.perf_counter() - begin, 2), **timings},
        peak_memory_mb=peak_memory_mb(),
        ended=now(),
    )
    if not first():
        return done
    system.describe(folder / "model", done)
    write_record(folder, done)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # not before: what is computed is kept until recorded
    return done
