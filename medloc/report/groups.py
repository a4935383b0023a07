"""Which records may share a table: same kind of data, same fingerprints, same models, same training."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from medloc.report.frame import RUN, UNTRAINED, runs_frame
from medloc.report.paper import SETS
from medloc.runs import NUMERICS, Record

DATASETS = {"ham10000": "HAM10000", "heel": "HEEL", "tn3k": "TN3K", "manifest": "own data"}
"""Data set in a record -> its name in the paper, in the order of its columns; a manifest is in none of them."""


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
