"""Which records may stand in one table: same kind of data, same fingerprints, same models, same training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple, TypeVar

from medloc.experiments.catalog import family_of
from medloc.report.paper import SETS
from medloc.report.rows import DATASETS
from medloc.runs import NUMERICS, Record

Key = TypeVar("Key", bound="tuple[object, ...]")
FINGERPRINT = 16
"""Hexadecimal digits of the fingerprint of one model."""


class Setting(NamedTuple):
    """What all records of a table share, apart from the fingerprints.

    Attributes:
        evaluated_on: "test" or "calibration".
        kind: "phantom" or "real".
        family: Model family, or the model's own name where it belongs to none.
        numerics: The code's numerics.
        edition: Ranks of the fingerprints of data and model among those found, the newest 0.
    """

    evaluated_on: str
    kind: str
    family: str
    numerics: int
    edition: tuple[int, int]


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
        return f"{'SMOKE (the numbers mean nothing), ' if self.smoke else ''}{self.setting.kind} data"


def empty_group() -> Group:
    """Return the group of a results folder without a complete run: phantoms and tiny models, nothing there yet."""
    return Group(Setting("test", "phantom", "tiny", NUMERICS, (0, 0)), "", "", ())


def group_records(records: Iterable[Record], smoke: bool = False) -> list[Group]:
    """Sort the complete records into tables within which everything compares, the largest table first.

    A zero-shot run has no training, so it stands in every table of its setting.

    Args:
        records: The records of a results folder, of any status.
        smoke: Whether they only show that everything runs.
    """
    complete = [record for record in records if record.status == "complete"]
    setting = _settings(complete)
    groups = []
    for shared, found in _by(complete, setting):
        untrained = [record for record in found if record.identity["method"] == "zero_shot"]
        trained = [record for record in found if record.identity["method"] != "zero_shot"]
        lengths = _by(trained, lambda record: (record.identity["train"], _length(record)))
        groups += [Group(shared, *length, tuple(members + untrained)) for length, members in lengths]
        if not trained:
            groups.append(Group(shared, "", "", tuple(untrained)))
    groups = [replace(_annotate(_without_doubles(group)), smoke=smoke) for group in groups]
    return sorted(groups, key=lambda group: (group.setting.evaluated_on != "test", -len(group.records)))


def _settings(records: Sequence[Record]) -> Callable[[Record], Setting]:
    data = _ranks((_source(one), one.fingerprints["data"], _standing(one)) for one in records)
    model = _ranks((one.identity["model"], _base(one), _standing(one)) for one in records)

    def setting(record: Record) -> Setting:
        identity, prints = record.identity, record.fingerprints
        return Setting(
            evaluated_on=identity["evaluated_on"],
            kind=_kind(record),
            family=family_of(identity["model"]) or identity["model"],
            numerics=record.numerics,
            edition=(data[_source(record), prints["data"]], model[identity["model"], _base(record)]),
        )

    return setting


def _length(record: Record) -> str:
    """Say how long a run trains, as configured: epochs are as many steps as the data set makes of them."""
    train = record.config.get("train", {})
    if train.get("max_steps") is not None:
        return f"{train['max_steps']} steps"
    if train.get("epochs") is not None:
        return f"{train['epochs']} epochs"
    return f"{record.identity['steps']} steps"


def _kind(record: Record) -> str:
    return record.identity["origin"].partition(":")[0]


def _source(record: Record) -> str:
    """Name what a data fingerprint is a fingerprint of: the phantoms of a set are not its real images."""
    return f"{_kind(record)} {record.identity['dataset']}"


def _base(record: Record) -> str:
    """Return the base model's fingerprint, without that of a model in the reward, which may stand behind it."""
    return record.fingerprints["model"][:FINGERPRINT]


def _standing(record: Record) -> tuple[bool, str]:
    """Order records so that overrides, which may change the data, never push plain runs out of a table."""
    return not record.identity["variant"], record.started


def _ranks(found: Iterable[tuple[str, str, tuple[bool, str]]]) -> dict[tuple[str, str], int]:
    """Rank the fingerprints of every name by the highest standing of a run that has them, the highest 0."""
    highest: dict[tuple[str, str], tuple[bool, str]] = {}
    for name, fingerprint, standing in found:
        highest[name, fingerprint] = max(standing, highest.get((name, fingerprint), standing))
    ordered = sorted(highest, key=lambda pair: (highest[pair], pair), reverse=True)
    return {pair: [other for other in ordered if other[0] == pair[0]].index(pair) for pair in ordered}


def _by(records: Iterable[Record], key: Callable[[Record], Key]) -> list[tuple[Key, list[Record]]]:
    return [(name, list(found)) for name, found in groupby(sorted(records, key=key), key)]


def _without_doubles(group: Group) -> Group:
    """Keep the latest of several records of one run and seed, and say so: a seed counts once."""
    kept: dict[tuple[object, ...], Record] = {}
    notes = list(group.notes)
    for record in sorted(group.records, key=lambda record: (record.ended or "", record.key)):
        words = ("dataset", "model", "method", "schedule", "variant", "seed")
        run = tuple(record.identity[word] for word in words)  # type: ignore[literal-required]
        if run in kept:
            notes.append(f"{kept[run].key} is left out: the later {record.key} is the same run and seed.")
        kept[run] = record
    members = sorted(kept.values(), key=lambda record: record.key)
    return replace(group, records=tuple(members), notes=tuple(notes))


def _annotate(group: Group) -> Group:
    prints = sorted(
        {f"{record.identity['dataset']} {record.fingerprints['data']}" for record in group.records}
        | {f"{record.identity['model']} {record.fingerprints['model']}" for record in group.records}
    )
    commits = sorted({_commit(record) for record in group.records})
    origins = sorted({record.identity["origin"] for record in group.records} - {"phantom"})
    notes = [*group.notes, f"Fingerprints: {', '.join(prints)}.", f"Code: {', '.join(commits)}."]
    return replace(group, notes=(*(f"Data are {origin}." for origin in origins), *notes))


def _commit(record: Record) -> str:
    commit = record.provenance.get("commit")
    if not commit:
        return "commit unknown"
    return f"commit {commit[:7]}{' with changes' if record.provenance.get('dirty') else ''}"
