"""Which of the wanted runs have a record, and whether that record is of today's data, base and code."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from medloc.experiments.planned import PartialIdentity, PlannedRun
from medloc.experiments.setup import Setup
from medloc.runs import NUMERICS, Record, find_records
from medloc.spec.conf_files import chosen_options, default_value
from medloc.spec.words import settings_of, word

State = Literal["complete", "interrupted", "failed", "missing"]
WORDS = tuple(PartialIdentity.__annotations__)


class Known:
    """The records of a results folder, by the words that name a run."""

    def __init__(self, setup: Setup):
        self.setup = setup
        self.records = find_records(setup.results).records
        self._by_name: dict[tuple[Any, ...], list[Record]] = {}
        for record in self.records:
            self._by_name.setdefault(_name(record.identity), []).append(record)

    def state(self, run: PlannedRun) -> tuple[State, str]:
        """Return how far a run is, and why it failed where it did.

        Raises:
            ValueError: the data set of a complete run cannot be read any more.
            OSError: likewise.
        """
        settings = settings_of(self.setup.overrides(run))
        found = [record for record in self._by_name.get(_name(run.identity), []) if _same(record, settings)]
        status = {record.status: record for record in found}
        if "complete" in status and any(_today(r, settings) for r in found if r.status == "complete"):
            return "complete", ""
        if "running" in status:
            return "interrupted", ""
        if "failed" in status:
            return "failed", status["failed"].reason or ""
        return "missing", ""


def steps(settings: Mapping[str, Any]) -> int | None:
    """Return the optimizer steps that a run's settings ask for; None where epochs decide."""
    if "train.max_steps" in settings:
        value = settings["train.max_steps"]
    else:
        try:
            value = default_value("train.max_steps", chosen_options(settings))
        except KeyError:  # no such preset: the run has an obstacle
            return None
    return value if isinstance(value, int) else None


def _name(identity: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(identity[word] for word in WORDS)


def _same(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether a record of the right name is of the same kind of data, of the same length and of this code."""
    root = settings.get("dataset.root")
    origin = f"real: {Path(str(root)).expanduser().resolve().name}" if root else "phantom"
    evaluated_on = settings.get("dataset.evaluate_on", "test")
    trained = record.identity["steps"] > 0
    length = not trained or record.config["train"]["max_steps"] == steps(settings)
    identity = (record.identity["origin"], record.identity["evaluated_on"])
    return length and identity == (origin, evaluated_on) and record.numerics == NUMERICS


def _today(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether a run would start from the same images and the same base today."""
    data = _data_print(_words(settings, ("dataset", "cache")))
    model = _model_print(_words(settings, ("model", "method")))
    return record.fingerprints["data"] == data and model in (None, record.fingerprints["model"])


def _words(settings: Mapping[str, Any], groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{key}={word(value)}" for key, value in settings.items() if key.partition(".")[0] in tuple(groups))


@cache
def _data_print(words: tuple[str, ...]) -> str:
    from medloc.data import load_dataset
    from medloc.spec.job import compose_job

    settings = compose_job(words).settings
    return load_dataset(settings.dataset, Path(settings.cache)).fingerprint


@cache
def _model_print(words: tuple[str, ...]) -> str | None:
    """Return the fingerprint of a base that lies on this machine, and of the model behind a semantic reward.

    None for a base of a hub, whose name says it all.
    """
    from medloc.models.base import base_folder, model_fingerprint
    from medloc.models.semantic import semantic_fingerprint
    from medloc.spec.job import compose_job

    settings = compose_job(words).settings
    try:
        folder = base_folder(settings.model)
    except FileNotFoundError:
        return None
    return model_fingerprint(folder, None) + semantic_fingerprint(settings.method) if Path(folder).is_dir() else None
