"""Records as tables of pandas: one row for every run, and one long table of everything that was measured."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from medloc.experiments.catalog import family_of
from medloc.experiments.rows import PartialIdentity
from medloc.runs import Record

UNTRAINED = "zero_shot"
"""The method that trains nothing."""

RUN = ("dataset", "model", "method", "schedule", "variant")
"""The words that set a run apart within its group, except for its seed."""

FINGERPRINT = 16
"""Hexadecimal digits of the fingerprint of one model."""

STAGES = ("zero_shot", "final", "last", "best_box", "median_box", "answer_grid")
FOLD = re.compile(r"dataset\.split=fold(?P<fold>\d+)of(?P<folds>\d+)")
UNKNOWN = "not known"


def runs_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row for each record, in the order given.

    Columns are the fields of the configuration by their dotted names ("train.max_steps"), the words of the identity
    (without a schedule: ""), what the record says of itself (`key`, `started`, `ended`, `numerics`, `commit`), and:

        record: The record.
        kind: "phantom" or "real".
        family: Model family, or the model's own name where it belongs to none.
        data: Fingerprint of the data set.
        base: Fingerprint of the base model, without that of a model in the reward, which may follow it.
        length: How long the run trains, as configured ("250 steps", "5 epochs").
        fold, folds: Which part of a cross-validation it tests, and of how many; missing for a whole data set.
    """
    return pd.DataFrame([_run(record) for record in records])


def long_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each record, stage and metric that was measured, with the columns of `runs_frame`.

    A stage is one of `STAGES`; `value` is a fraction in [0, 1], `n` the number of images behind it.
    """
    rows = [
        (record.key, stage, metric, value, scores["n"])
        for record in records
        for stage, scores in measured(record).items()
        for metric, value in scores.items()
        if metric != "n" and value is not None
    ]
    scores = pd.DataFrame(rows, columns=["key", "stage", "metric", "value", "n"])
    return scores.merge(runs_frame(records), on="key", how="left") if rows else scores


def measured(record: Record) -> dict[str, Mapping[str, Any]]:
    """Return what a record measured, by stage."""
    metrics, boxes = record.metrics, record.metrics["constant_box"]
    found = {
        "zero_shot": metrics["zero_shot"],
        "final": metrics["final"],
        "last": metrics["last"],
        "best_box": boxes and boxes["best"],
        "median_box": boxes and boxes["median"],
        "answer_grid": metrics["answer_grid"],
    }
    return {stage: scores for stage, scores in found.items() if scores}


def run_words(identity: PartialIdentity) -> tuple[str, ...]:
    """Return the words by which a run is found; the frame has them in its columns `RUN`."""
    return tuple(identity[word] or "" for word in RUN)  # type: ignore[literal-required]


def match(runs: pd.DataFrame) -> dict[tuple[str, ...], list[Record]]:
    """Return the records of every run by its words, in the order of their seeds."""
    if runs.empty:
        return {}
    ordered = runs.sort_values(["seed", "key"])
    return {tuple(map(str, words)): list(found) for words, found in ordered.groupby(list(RUN))["record"]}


def run_name(record: Record) -> str:
    """Return what sets a run apart within its group: "medloc piecewise tiny_s window.unit=group"."""
    identity = record.identity
    return " ".join(filter(None, (identity[w] for w in ("method", "schedule", "model", "variant"))))


def is_fold(record: Record) -> bool:
    """Tell whether a run is a part of a cross-validation, so that its own numbers are those of a part."""
    return FOLD.search(record.identity["variant"]) is not None


def origins(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return where the numbers come from, name and content of each line; values that differ stand side by side."""
    if not records:
        return []
    runs = runs_frame(records)
    sources = [record.provenance for record in records]
    data = runs["dataset"] + " " + runs["data"] + " (" + runs["origin"] + ")"
    models = (f"{record.identity['model']} {record.fingerprints['model']}" for record in records)
    days = sorted(set(runs["started"].str[:10]))
    lines = {
        "Complete runs": str(len(records)),
        "Code": _distinct(runs["commit"]),
        "Numerics": _distinct(runs["numerics"].astype(str)),
        "Packages": _distinct(line for source in sources for line in _packages(source)),
        "Python": _distinct(str(source.get("python") or UNKNOWN) for source in sources),
        "Machines": _distinct(map(_machine, sources)),
        "Data sets and their fingerprints": _distinct(data),
        "Base models and their fingerprints": _distinct(models),
        "Computing time": _hours([record.timings.get("wall_s") for record in records]),
        "Made": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
    }
    return list(lines.items())


def _run(record: Record) -> dict[str, Any]:
    identity = record.identity
    fold = FOLD.search(identity["variant"])
    return {
        **dict(_dotted(record.config)),
        **identity,
        "schedule": identity["schedule"] or "",
        "record": record,
        "key": record.key,
        "started": record.started,
        "ended": record.ended or "",
        "numerics": record.numerics,
        "commit": _commit(record.provenance),
        "kind": identity["origin"].partition(":")[0],
        "family": family_of(identity["model"]) or identity["model"],
        "data": record.fingerprints["data"],
        "base": record.fingerprints["model"][:FINGERPRINT],
        "length": _length(record),
        "fold": int(fold["fold"]) if fold else None,
        "folds": int(fold["folds"]) if fold else None,
    }


def _dotted(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _length(record: Record) -> str:
    """Say how long a run trains, as configured: epochs are as many steps as the data set makes of them."""
    train = record.config.get("train", {})
    if train.get("max_steps") is not None:
        return f"{train['max_steps']} steps"
    if train.get("epochs") is not None:
        return f"{train['epochs']} epochs"
    return f"{record.identity['steps']} steps"


def _commit(source: Mapping[str, Any]) -> str:
    if not source.get("commit"):
        return "commit unknown"
    return f"commit {source['commit'][:7]}{' with changes' if source.get('dirty') else ''}"


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values))) or UNKNOWN


def _packages(source: Mapping[str, Any]) -> list[str]:
    return [f"{name} {version}" for name, version in source.get("packages", {}).items() if version]


def _machine(source: Mapping[str, Any]) -> str:
    words = [f"{source[key]} {key}" for key in ("cpus", "threads") if source.get(key)]
    return " with ".join(filter(None, [source.get("platform"), " and ".join(words)])) or UNKNOWN


def _hours(seconds: Sequence[float | None]) -> str:
    known = [value for value in seconds if value is not None]
    unknown = len(seconds) - len(known)
    said = f"{sum(known) / 3600:.1f} hours in {len(known)} runs" if known else UNKNOWN
    return f"{said}, not known of {unknown}" if known and unknown else said
