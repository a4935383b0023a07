"""The record of a run as it begins: who it is, what it was given, where it runs."""

from datetime import UTC, datetime
from typing import Any

from medloc.data import LoadedDataset
from medloc.runs.provenance import provenance
from medloc.runs.record import Record
from medloc.spec.compose import Job
from medloc.training.runner.arguments import planned_steps


def opening_record(
    job: Job, key: str, config: dict[str, Any], data: LoadedDataset, model_fingerprint: str, threads: int
) -> Record:
    """Returns the record with which a run begins, `running` and without a measurement.

    Args:
        job: the run.
        key: its key.
        config: the resolved configuration, without the groups that the method does not use.
        data: what it learns from and is judged on.
        model_fingerprint: 16 hex digits of what the system starts from.
        threads: threads it computes with.
    """
    settings = job.settings
    method = settings.method
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
            "steps": planned_steps(settings.train, len(data.train)) if method.trainer else 0,
            "seed": settings.seed,
            "variant": job.variant,
        },
        config=config,
        provenance=provenance(threads=threads),
        fingerprints={"data": data.fingerprint, "model": model_fingerprint},
        started=now(),
    )


def now() -> str:
    """Returns this moment, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
