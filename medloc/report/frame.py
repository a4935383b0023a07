"""Records as tables of pandas: one row for every run, one for every measured number, and groups of what compares."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from medloc.experiments.catalog import family_of
from medloc.experiments.rows import PartialIdentity
from medloc.report.paper import SETS
from medloc.runs import NUMERICS, Record

UNTRAINED = "zero_shot"
"""The method that trains nothing."""

DATASETS = {"ham10000": "HAM10000", "heel": "HEEL", "tn3k": "TN3K", "manifest": "own data"}
"""Data set in a record -> its name in the paper, in the order of its columns; a manifest is in none of them."""

RUN = ("dataset", "model", "method", "schedule", "variant")
"""The words that set a run apart within its group, except for its seed."""

FINGERPRINT = 16  # hexadecimal digits of the fingerprint of one model
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
    listed = list(records)
    fields = pd.json_normalize([record.config for record in listed])
    runs = pd.DataFrame([_run(record) for record in listed])
    return pd.concat([fields.drop(columns=runs.columns, errors="ignore"), runs], axis="columns")


def long_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row for each record, stage and metric that was measured, with the columns of `runs_frame`.

    A stage is one of those of `measured`; `value` is a fraction in [0, 1], `n` the number of images behind it.
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
    """Return what a record measured by stage: zero_shot, final, last, best_box, median_box, answer_grid."""
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


def _run(record: Record) -> dict[str, Any]:
    identity = record.identity
    fold = FOLD.search(identity["variant"])
    return {
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


class Setting(NamedTuple):
    """What all records of a table share, apart from the fingerprints; the columns of a frame by which it is grouped.

    Attributes:
        evaluated_on: "test" or "calibration".
        kind: "phantom" or "real".
        family: Model family, or the model's own name where it belongs to none.
        numerics: The code's numerics.
        data_edition: Rank of the data set's fingerprint among those found, the newest 0.
        base_edition: Rank of the base model's fingerprint, likewise.
        own: Name (and fingerprint, where names are equal) of the user's own data set if the folder holds several.
    """

    evaluated_on: str
    kind: str
    family: str
    numerics: int
    data_edition: int
    base_edition: int
    own: str = ""


@dataclass(frozen=True)
class Group:
    """The complete records of one table.

    Attributes:
        setting: What they share.
        train: Name of the training preset; "" where nothing was trained.
        length: How long it trains ("250 steps").
        records: The records, by key; never two of the same run and seed.
        notes: What a reader of the table must know, one line each.
        smoke: Whether the runs only show that everything runs.
    """

    setting: Setting
    train: str
    length: str
    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()
    smoke: bool = False

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets the table is about: all of the paper's for phantoms, of real ones those at hand."""
        present = {record.identity["dataset"] for record in self.records}
        drawn = SETS if self.setting.kind == "phantom" else ()
        return tuple(name for name in DATASETS if name in drawn or name in present)

    @property
    def heading(self) -> str:
        """Say what the numbers stand for: "phantom data, tiny models, train=tiny, 250 steps"."""
        if not self.records:
            return self.data_heading
        words = [self.data_heading, f"{self.setting.family} models"]
        words += [f"train={self.train}", self.length] if self.train else ["nothing trained"]
        if self.setting.evaluated_on != "test":
            words.append(f"evaluated on {self.setting.evaluated_on} images")
        return ", ".join(words)

    @property
    def data_heading(self) -> str:
        """Say what the images are, for what holds whatever was trained: "phantom data"."""
        if not self.records:
            return "no complete run yet"
        smoke = "SMOKE (the numbers mean nothing), " if self.smoke else ""
        own = self.setting.own and f" of {self.setting.own}"
        return f"{smoke}{self.setting.kind} data{own}"


def empty_group() -> Group:
    """Return the group of a results folder without a complete run: phantoms and tiny models, nothing there yet."""
    return Group(Setting("test", "phantom", "tiny", NUMERICS, 0, 0), "", "", ())


def group_records(records: Iterable[Record], smoke: bool = False) -> list[Group]:
    """Sort the complete records into tables within which everything compares, the largest table first.

    A zero-shot run has no training, so it stands in every table of its setting.

    Args:
        records: The records of a results folder, of any status.
        smoke: Whether they only show that everything runs.
    """
    complete = [record for record in records if record.status == "complete"]
    if not complete:
        return []
    runs = _with_own_names(_with_editions(runs_frame(complete)))
    groups = [replace(group, smoke=smoke) for group in _groups(runs)]
    return sorted(groups, key=lambda group: (group.setting.evaluated_on != "test", -len(group.records)))


def _groups(runs: pd.DataFrame) -> Iterator[Group]:
    shared: Any
    for shared, found in runs.groupby(list(Setting._fields)):
        setting = Setting(*shared)
        trained, untrained = found[found["method"] != UNTRAINED], found[found["method"] == UNTRAINED]
        for (train, length), members in trained.groupby(["train", "length"]):
            yield _group(setting, str(train), str(length), pd.concat([members, untrained]))
        if trained.empty:
            yield _group(setting, "", "", untrained)


def _with_editions(runs: pd.DataFrame) -> pd.DataFrame:
    """Rank the fingerprints of every data set and model by the latest run that has them, the latest 0.

    Overrides may change the data: a run with a variant pushes no plain one out of a table. The phantoms of a set are
    not its real images.
    """
    runs = runs.assign(source=runs["kind"] + " " + runs["dataset"], plain=runs["variant"] == "")
    for name, fingerprint, edition in (("source", "data", "data_edition"), ("model", "base", "base_edition")):
        ordered = runs.sort_values(["plain", "started", name, fingerprint])
        latest = ordered.drop_duplicates([name, fingerprint], keep="last")[[name, fingerprint]]
        latest[edition] = latest.groupby(name).cumcount(ascending=False)
        runs = runs.merge(latest, on=[name, fingerprint])
    return runs


def _with_own_names(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the column `own`: what names a user's own data set where there are several; "" elsewhere.

    Parts of a cross-validation are not named, since they are one data set.
    """
    whole = runs[(runs["dataset"] == "manifest") & runs["fold"].isna()]
    sets = whole[["origin", "data"]].drop_duplicates()
    if len(sets) < 2:
        return runs.assign(own="")
    names = sets["origin"].str.partition(": ")[2]
    sets["own"] = names.where(~names.duplicated(keep=False), names + " " + sets["data"])
    named = runs.merge(sets, on=["origin", "data"], how="left")
    return named.assign(own=named["own"].where((named["dataset"] == "manifest") & named["fold"].isna(), "").fillna(""))


def _group(setting: Setting, train: str, length: str, members: pd.DataFrame) -> Group:
    """Keep the latest of several records of one run and seed, and say so: a seed counts once."""
    ordered = members.sort_values(["ended", "key"])
    later = ordered.groupby([*RUN, "seed"])["key"].shift(-1)
    left_out = ordered["key"] + " is left out: the later " + later + " is the same run and seed."
    kept = ordered[later.isna()].sort_values("key")
    records = tuple(kept["record"])
    prints = sorted(
        {f"{record.identity['dataset']} {record.fingerprints['data']}" for record in records}
        | {f"{record.identity['model']} {record.fingerprints['model']}" for record in records}
    )
    notes = (
        *(f"Data are {origin}." for origin in sorted(set(kept["origin"]) - {"phantom"})),
        *left_out.dropna(),
        f"Fingerprints: {', '.join(prints)}.",
        f"Code: {', '.join(sorted(set(kept['commit'])))}.",
    )
    return Group(setting, train, length, records, notes)


def origins(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return where the numbers come from, name and content of each line; values that differ stand side by side."""
    if not records:
        return []
    runs = runs_frame(records)
    sources = [record.provenance for record in records]
    packages = (source.get("packages", {}).items() for source in sources)
    days = sorted(set(runs["started"].str[:10]))
    seconds = [record.timings.get("wall_s") for record in records]
    known = [value for value in seconds if value is not None]
    hours = f"{sum(known) / 3600:.1f} hours in {len(known)} runs" if known else UNKNOWN
    unknown = f", not known of {len(seconds) - len(known)}" if 0 < len(known) < len(seconds) else ""
    models = (f"{record.identity['model']} {record.fingerprints['model']}" for record in records)
    lines = {
        "Complete runs": str(len(records)),
        "Code": _distinct(runs["commit"]),
        "Numerics": _distinct(runs["numerics"].astype(str)),
        "Packages": _distinct(f"{name} {version}" for found in packages for name, version in found if version),
        "Python": _distinct(str(source.get("python") or UNKNOWN) for source in sources),
        "Machines": _distinct(map(_machine, sources)),
        "Data sets and their fingerprints": _distinct(runs["dataset"] + " " + runs["data"] + " (" + runs.origin + ")"),
        "Base models and their fingerprints": _distinct(models),
        "Computing time": hours + unknown,
        "Made": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
    }
    return list(lines.items())


def _machine(source: Mapping[str, Any]) -> str:
    words = [f"{source[key]} {key}" for key in ("cpus", "threads") if source.get(key)]
    return " with ".join(filter(None, [source.get("platform"), " and ".join(words)])) or UNKNOWN


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values))) or UNKNOWN
