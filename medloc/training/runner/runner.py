"""One run, from its settings to its record: load, answer before, train, answer after, write down."""

import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from medloc.data import LoadedDataset, load_dataset
from medloc.models.memory import check_fits
from medloc.runs.atomic import sweep
from medloc.runs.claim import ClaimedError, claim
from medloc.runs.key import run_key
from medloc.runs.provenance import provenance
from medloc.runs.record import SCHEMA, Record
from medloc.runs.store import RECORD_NAME, bounded_text, parsed, read_record, write_record
from medloc.spec.compose import Job, reported_otherwise, run_identity
from medloc.spec.machine import cores
from medloc.spec.overrides import value_text
from medloc.spec.run import RunSpec
from medloc.spec.train import describe_batches
from medloc.training.distributed.ranks import (
    barrier,
    broadcast_from_rank0,
    is_main_process,
    main_process_first,
    max_across_ranks,
)
from medloc.training.runner.arguments import planned_steps, table_step
from medloc.training.runner.machine import check_writable, set_determinism, set_threads
from medloc.training.runner.measure import evaluated, measure, table_note
from medloc.training.runner.usage import USAGE, Usage
from medloc.training.systems import System, check_family, load_system
from medloc.training.tracking.follow import Follower

Close = Callable[[Path, Record, Mapping[str, Path]], str]
"""Draws a run's pictures from its folder, its record and its images, and returns the closing text."""

LEFTOVERS = ("checkpoints", USAGE)
"""What a run's folder holds only until the run is complete."""


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: Its folder.
        record: Its record.
        fresh: Whether anything had to be done.
        images: The file of each image it was evaluated on, by id.
        notes: What the data set's reader, the system and the tracking have to say, and which step the tables show.
        closing: What to show at its end; "" where nobody asked or nothing was done.
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
    """Do one run, or what is left of it.

    A complete run is not repeated, an interrupted one resumes from its last checkpoint, a failed one is tried again.

    Args:
        job: The run.
        say: Called with one line, before training, on what a step and an epoch are.
        wait: Whether to wait for another process that is making the run.
        close: Draws its pictures; they exist before a tracking service gets the end.

    Raises:
        ClaimedError: Another process is making it, and `wait` is not set.
        Stopped: SIGTERM came; everything up to a checkpoint of this moment is kept.
        ValueError: Its folder holds a record of a newer medloc.
        Exception: Whatever else ended the run; its record then says `failed` and why.
    """
    settings = job.settings
    check_family(settings)
    for name in ("results", "cache"):
        check_writable(name, Path(getattr(settings, name)).expanduser().resolve())
    threads = settings.threads or max(1, cores() // settings.launch.processes)
    set_threads(threads)
    set_determinism(settings.deterministic)
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    with main_process_first():
        data = load_dataset(settings.dataset, Path(settings.cache))
    check_fits(settings)
    system = load_system(settings)
    used = {**job.used, "threads": threads}
    key = run_key(run_identity(job.config), data=data.fingerprint, model=system.fingerprint)
    folder = Path(settings.results).expanduser().resolve() / "runs" / key
    images = {example.id: example.image for example in evaluated(settings, data)}
    notes = (*data.notes, *system.notes(data.train), *filter(None, [table_note(settings, len(data.train))]))
    if done := _complete(folder, settings):
        if is_main_process() and any((folder / name).exists() for name in LEFTOVERS):  # killed after its record
            with suppress(ClaimedError), claim(folder):
                _remove_leftovers(folder)
        return Outcome(folder, done, False, images, (*notes, *_other_reporting(done, used)))
    with _claimed(folder, wait):
        if done := _complete(folder, settings):  # made by the process that held the claim
            return Outcome(folder, done, False, images, notes)
        record = _opening_record(job, key, used, data, system.fingerprint, threads)
        if is_main_process():
            if settings.rerun and folder.exists():  # whatever its record looks like
                folder.rename(folder.with_name(f"{key}.moved-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
            if trainer := settings.method.trainer:
                total = planned_steps(settings.train, len(data.train))
                say(describe_batches(settings.train, settings.launch, trainer, len(data.train), total))
            folder.mkdir(parents=True, exist_ok=True)
            sweep(folder)
        barrier()
        with Follower(settings, folder, record) as follower:
            if is_main_process():
                write_record(folder, record)
            done = _finish(record, folder, settings, data, system, follower)
            closing = close(folder, done, images) if close and is_main_process() else ""
            if is_main_process():
                follower.complete(done, images)
        barrier()
        notes = (*notes, *filter(None, [follower.tracker.note]))
        return Outcome(folder, done, True, images, notes, closing)


def _other_reporting(done: Record, asked: dict[str, Any]) -> tuple[str, ...]:
    """Say in one line how a finished run was reported otherwise than is now asked; the run itself is the same."""
    differing = reported_otherwise(done.config, asked)
    made = ", ".join(
        f"{key}={value_text(before)} (asked: {value_text(now)})" for key, (before, now) in differing.items()
    )
    return (f"this run was made with {made}; rerun=true makes it again.",) if differing else ()


@contextmanager
def _claimed(folder: Path, wait: bool) -> Iterator[None]:
    """Hold the run for all ranks: rank 0 claims it, the others wait until it has."""
    if not is_main_process():
        barrier()
        yield
        return
    with claim(folder, wait):
        barrier()
        yield


def _complete(folder: Path, settings: RunSpec) -> Record | None:
    """Return the record of a complete run that is not to be repeated, the same on all ranks; otherwise None.

    Raises:
        ValueError: A newer medloc wrote the record, and `rerun` does not move it aside.
    """
    record, newer = broadcast_from_rank0((_read(folder), _newer_schema(folder)))
    if settings.rerun:
        return None
    if newer is not None:
        raise ValueError(
            f"{folder / RECORD_NAME}: schema={newer} is of a newer medloc than this one, which writes {SCHEMA}; "
            "update medloc, or rerun=true, which moves the run aside."
        )
    return record if record and record.status == "complete" else None


def _read(folder: Path) -> Record | None:
    """Return a run's record; None where it is missing, torn or of an older schema."""
    with suppress(OSError, ValueError):
        return read_record(folder / RECORD_NAME)
    return None


def _newer_schema(folder: Path) -> int | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        schema = parsed(bounded_text(folder / RECORD_NAME))["schema"]
        return schema if type(schema) is int and schema > SCHEMA else None
    return None


def _opening_record(
    job: Job, key: str, config: dict[str, Any], data: LoadedDataset, model_fingerprint: str, threads: int
) -> Record:
    """Return the record with which a run begins: `running`, without a measurement."""
    settings = job.settings
    method = settings.method
    steps = planned_steps(settings.train, len(data.train)) if method.trainer else 0
    return Record(
        key=key,
        status="running",
        label=f"{data.origin} data, {settings.model.name} model",
        identity={
            "dataset": settings.dataset.name,
            "origin": data.origin,
            "evaluated_on": settings.dataset.evaluate_on,
            "model": settings.model.name,
            "method": method.name,
            "schedule": settings.schedule["name"] if method.uses_schedule else None,
            "train": settings.train.name,
            "steps": steps,
            "seed": settings.seed,
            "variant": job.variant,
        },
        config=config,
        provenance={**provenance(threads=threads), "model_step": table_step(settings.train, steps)},
        fingerprints={"data": data.fingerprint, "model": model_fingerprint},
        started=_now(),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _finish(
    record: Record, folder: Path, settings: RunSpec, data: LoadedDataset, system: System, follower: Follower
) -> Record:
    """Run to the end and write the record, whichever end it is."""
    usage = Usage(folder, is_main_process())
    try:
        metrics, timings = measure(folder, settings, data, system, follower, usage)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        known = _read(folder)
        if known and known.status == "failed":  # another process failed first and caused this error
            raise
        with suppress(OSError):  # a disk that is full takes no record either: it stays `running`
            write_record(folder, replace(record, status="failed", reason=reason, ended=_now()))
        raise
    finally:
        usage.save()
    spent = usage.spent()
    gpu_mb = max_across_ranks(spent.peak_gpu_memory_mb)
    gpu = {"gpu": torch.cuda.get_device_name(), "peak_gpu_memory_mb": gpu_mb} if gpu_mb else {}
    trained = {"train_s": spent.train_s} if settings.method.trainer else {}
    done = replace(
        record,
        status="complete",
        metrics=metrics,
        timings={"wall_s": spent.wall_s, **trained, **timings},
        peak_memory_mb=max_across_ranks(spent.peak_memory_mb),
        provenance=record.provenance | gpu,
        ended=_now(),
    )
    if not is_main_process():
        return done
    system.describe(folder / "model", done)
    write_record(folder, done)
    _remove_leftovers(folder)  # not before: what is computed is kept until it is recorded
    return done


def _remove_leftovers(folder: Path) -> None:
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    with suppress(OSError):
        (folder / USAGE).unlink()
