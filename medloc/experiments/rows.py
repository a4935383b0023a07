"""What a table or figure asks for: rows, each with its runs over data sets and seeds."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypedDict

from medloc.spec.compose import (
    CONDITIONS,
    NAMED_FIELDS,
    NAMED_GROUPS,
    compose_job,
    default_choices,
    option_values,
    variant_values,
)
from medloc.spec.fields import kind_of
from medloc.spec.overrides import override_texts, read_overrides, value_text
from medloc.spec.run import CURRICULUM, RunSpec


class PartialIdentity(TypedDict):
    """The words of a record's `Identity` that are known before its run."""

    dataset: str
    model: str
    method: str
    schedule: str | None
    train: str
    seed: int
    variant: str


@dataclass(frozen=True)
class PlannedRun:
    """A run that is wanted. Two are equal if they are the same run, whatever row asks for them.

    Attributes:
        overrides: of `medloc.run`, in one order, defaults left out.
        identity: as its record will say.
        values: the same overrides as key -> value.
    """

    overrides: tuple[str, ...]
    identity: PartialIdentity = field(compare=False)
    values: Mapping[str, Any] = field(compare=False)

    @property
    def command(self) -> str:
        """The command that makes this run."""
        return f"python -m medloc.run {shlex.join(self.overrides)}"

    def __str__(self) -> str:
        """Return the run in words: "ham10000 medloc piecewise tiny_s criteria=no_reward seed 42"."""
        words = (self.identity["method"], self.identity["schedule"], self.identity["model"], self.identity["variant"])
        return f"{self.identity['dataset']} {' '.join(filter(None, words))} seed {self.identity['seed']}"


def planned_run(overrides: Iterable[str]) -> PlannedRun:
    """Return the run that these overrides make; of two for one key the later holds.

    Raises:
        ValueError: an override is not `key=value`.
    """
    values: dict[str, Any] = {}
    for override in overrides:
        values.update(_read(override))
    return plan_run(values)


def plan_run(values: Mapping[str, Any]) -> PlannedRun:
    """Return the run of these values (key -> option or value).

    A method with a curriculum has its schedule among them, unless it is the default method. What belongs to the
    curriculum is left out for a method without one, as `medloc.run` refuses it.
    """
    plain = default_choices()
    options = plain | {key: str(value) for key, value in values.items() if key in plain}
    scheduled = "schedule" in values or options["method"] == plain["method"]
    if not scheduled:
        values = {key: value for key, value in values.items() if key.partition(".")[0] not in CURRICULUM}
    variant = variant_values({key: value for key, value in values.items() if _differs(key, value, options)})
    identity: PartialIdentity = {
        "dataset": options["dataset"],
        "model": options["model"],
        "method": options["method"],
        "schedule": options["schedule"] if scheduled else None,
        "train": options["train"],
        "seed": int(values["seed"]) if "seed" in values else _default_seed(),
        "variant": " ".join(override_texts(variant)),
    }
    written = [group for group in NAMED_GROUPS if group not in ("schedule", "train")]
    written += ["schedule"] * scheduled + ["train"] * ("train" in values)
    named = {group: options[group] for group in written}
    kept = {key: values[key] for key in sorted(values) if key not in (*named, *variant, "seed") and _kept(key)}
    given = {**named, **variant, **kept, "seed": identity["seed"]}
    return PlannedRun(override_texts(given), identity, given)


def steps_of(values: Mapping[str, Any]) -> int | None:
    """Return the optimizer steps that a run's values ask for; None where epochs decide."""
    steps = values.get("train.max_steps")
    if "train.max_steps" not in values:
        try:
            steps = option_values("train", str(values.get("train", default_choices()["train"])))["max_steps"]
        except KeyError:  # no such preset: the run has an obstacle
            return None
    return steps if isinstance(steps, int) else None


@cache
def _default_seed() -> int:
    return compose_job(()).settings.seed


@cache
def _read(override: str) -> dict[str, Any]:
    return read_overrides([override])


def _differs(key: str, value: Any, options: Mapping[str, str]) -> bool:
    """Tell whether a value is another than the default, and moves results."""
    if key in options:
        return options[key] != default_choices()[key] and key not in ("tracking",)
    if kind_of(RunSpec, key) != "results":
        return False
    group, _, rest = key.partition(".")
    if group not in options:
        return key not in NAMED_FIELDS
    try:
        found: Any = option_values(group, options[group])
        for name in rest.split("."):
            found = found[name]
    except (KeyError, TypeError):
        return True
    return value_text(found) != value_text(value)


def _kept(key: str) -> bool:
    """Tell whether a value that makes no variant is written all the same: a place, a length, a condition."""
    return key in NAMED_FIELDS or key.partition(".")[0] in CONDITIONS or kind_of(RunSpec, key) != "results"


@dataclass(frozen=True)
class Row:
    """A row of a table, a line of a figure: one number per data set and metric, over seeds.

    Attributes:
        name: as the paper prints it, or ours where the paper has no such row.
        set: overrides, key to value.
        datasets: the data sets it has numbers on.
        seeds: the seeds that its numbers are over.
        extra: overrides added by a reduced grid.
    """

    name: str
    set: Mapping[str, Any]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    extra: tuple[str, ...] = ()

    def run(self, dataset: str, seed: int) -> PlannedRun:
        """Return the run behind one data set and seed."""
        added = {key: value for word in self.extra for key, value in _read(word).items()}
        return plan_run({**self.set, "dataset": dataset, **added, "seed": seed})

    def runs(self) -> tuple[PlannedRun, ...]:
        """Return every run of the row, data set by data set."""
        return tuple(self.run(dataset, seed) for dataset in self.datasets for seed in self.seeds)


@dataclass(frozen=True)
class Experiment:
    """One table or figure.

    Attributes:
        name: of its file: "table1".
        title: what stands above it.
        shows: what it shows, in one sentence.
        rows: in the order of printing; none for Table 5, which counts images.
    """

    name: str
    title: str
    shows: str
    rows: tuple[Row, ...]

    def runs(self) -> tuple[PlannedRun, ...]:
        """Return the distinct runs of all rows."""
        return tuple(dict.fromkeys(run for row in self.rows for run in row.runs()))
