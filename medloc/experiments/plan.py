"""The plan: every distinct run, whether it is there, what has to be done about it, and how that reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from medloc.experiments.catalog import Experiment, Row
from medloc.experiments.estimate import Clock, duration
from medloc.experiments.rows import PartialIdentity, PlannedRun, planned_run, steps_of
from medloc.experiments.setup import Setup
from medloc.runs import NUMERICS, Record, find_records
from medloc.spec.compose import compose_job, default_choices, has_option, option_values
from medloc.spec.overrides import override_texts

State = Literal["complete", "interrupted", "failed", "missing"]
WORDS = tuple(PartialIdentity.__annotations__)
BASES = Path(__file__).resolve().parents[1] / "models" / "bases"
CLIP = "clip_tiny"


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
        settings = planned_run(self.setup.overrides(run)).values
        found = [record for record in self._by_name.get(_name(run.identity), []) if _same(record, settings)]
        status = {record.status: record for record in found}
        if "complete" in status and any(_today(r, settings) for r in found if r.status == "complete"):
            return "complete", ""
        if "running" in status:
            return "interrupted", ""
        if "failed" in status:
            return "failed", status["failed"].reason or ""
        return "missing", ""


def _name(identity: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(identity[word] for word in WORDS)


def _same(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether a record of the right name is of the same kind of data, of the same length and of this code."""
    root = settings.get("dataset.root")
    origin = f"real: {Path(str(root)).expanduser().resolve().name}" if root else "phantom"
    evaluated_on = settings.get("dataset.evaluate_on", "test")
    trained = record.identity["steps"] > 0
    length = not trained or record.config["train"]["max_steps"] == steps_of(settings)
    identity = (record.identity["origin"], record.identity["evaluated_on"])
    return length and identity == (origin, evaluated_on) and record.numerics == NUMERICS


def _today(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether a run would start from the same images and the same base today."""
    data = _data_print(_words(settings, ("dataset", "cache")))
    model = _model_print(_words(settings, ("model", "method")))
    return record.fingerprints["data"] == data and model in (None, record.fingerprints["model"])


def _words(settings: Mapping[str, Any], groups: Iterable[str]) -> tuple[str, ...]:
    kept = tuple(groups)
    return override_texts({key: value for key, value in settings.items() if key.partition(".")[0] in kept})


@cache
def _data_print(words: tuple[str, ...]) -> str:
    from medloc.data import load_dataset

    settings = compose_job(words).settings
    return load_dataset(settings.dataset, Path(settings.cache)).fingerprint


@cache
def _model_print(words: tuple[str, ...]) -> str | None:
    """Return the fingerprint of a base that lies on this machine, and of the model behind a semantic reward.

    None for a base of a hub, whose name says it all.
    """
    from medloc.models.load import base_folder, model_fingerprint  # torch is imported here
    from medloc.models.semantic import semantic_fingerprint

    settings = compose_job(words).settings
    try:
        folder = base_folder(settings.model)
    except FileNotFoundError:
        return None
    return model_fingerprint(folder, None) + semantic_fingerprint(settings.method) if Path(folder).is_dir() else None


def obstacle(run: PlannedRun) -> str | None:
    """Return the reason and the remedy in one line; None where nothing is in the way."""
    options = default_choices() | {key: str(value) for key, value in run.values.items() if key in default_choices()}
    for group, option in options.items():
        if not group.startswith("hydra/") and not has_option(group, option):
            return f"{group}={option}: conf/{group}/{option}.yaml is not there"
    for base in _bases(run.values, options):
        if not (BASES / base / "config.json").is_file():
            return f"{base}: its base is not there; make it with `python -m medloc.pretrain model={base}`"
    return None


def _bases(settings: Mapping[str, Any], options: Mapping[str, str]) -> list[str]:
    """Return the names of the shipped weights that a run loads."""

    def said(group: str, key: str) -> Any:
        try:
            return settings.get(f"{group}.{key}", option_values(group, options[group])[key])
        except KeyError:  # an option that brings others along
            return None

    model = [] if said("model", "path") else [options["model"]]
    judge = [CLIP] if said("method", "semantic_weight") and not said("method", "semantic_model") else []
    return model + judge


@dataclass(frozen=True)
class Item:
    """A distinct run of the grid.

    Attributes:
        run: what it is.
        row: the first row that wants it: "table1 MedLoc-R1-3B piecewise".
        state: how far it is.
        reason: why it failed the last time; "" otherwise.
        obstacle: why it cannot be run here; None where it can.
        steps: optimizer steps it asks for; None where epochs decide.
        seconds: how long it will take; None where nothing like it was measured.
    """

    run: PlannedRun
    row: str
    state: State
    reason: str
    obstacle: str | None
    steps: int | None
    seconds: float | None

    def __str__(self) -> str:
        """Return the run as the plan and its progress name it."""
        return f"{self.row}, {self.run.identity['dataset']}, seed {self.run.identity['seed']}"

    @property
    def to_do(self) -> bool:
        """Whether it will be run."""
        return self.state != "complete" and self.obstacle is None


@dataclass(frozen=True)
class Plan:
    """All distinct runs, in the order in which the experiments want them."""

    setup: Setup
    items: dict[PlannedRun, Item]

    @property
    def to_do(self) -> tuple[Item, ...]:
        """The runs that will be made."""
        return tuple(item for item in self.items.values() if item.to_do)

    @property
    def blocked(self) -> tuple[Item, ...]:
        """The runs that are missing and cannot be made here."""
        return tuple(item for item in self.items.values() if item.state != "complete" and item.obstacle)


def make_plan(setup: Setup) -> Plan:
    """Find out what there is to do.

    Raises:
        ValueError: the data of a complete run cannot be read any more.
        OSError: likewise.
    """
    known = Known(setup)
    clock = Clock(known.records)
    items: dict[PlannedRun, Item] = {}
    for wants, row in _rows(setup):
        for run in row.runs():
            if run in items:
                continue
            length = steps_of(planned_run(setup.overrides(run)).values)
            state, reason = known.state(run)
            seconds = clock.seconds(run, length)
            items[run] = Item(run, f"{wants.name} {row.name}", state, reason, obstacle(run), length, seconds)
    return Plan(setup, items)


def plan_text(plan: Plan, processes: int) -> str:
    """Return the plan for a reader: a line per row with what is missing from it, then the sum."""
    grid = plan.setup.grid
    lines = ["SMOKE: a few steps on a few phantoms; the numbers mean nothing.\n"] if grid.smoke else []
    for each in plan.setup.experiments:
        lines.append(f"{each.name}: {each.shows}")
        lines += [f"  {_row_line(plan, each, row)}" for row in each.rows] or ["  needs no run"]
    return "\n".join([*lines, "", *_sum(plan, processes)])


def _rows(setup: Setup) -> Iterator[tuple[Experiment, Row]]:
    return ((each, row) for each in setup.experiments for row in each.rows)


def _row_line(plan: Plan, each: Experiment, row: Row) -> str:
    items = [plan.items[run] for run in row.runs()]
    own = [item for item in items if item.row == f"{each.name} {row.name}"]
    missing = [item for item in own if item.to_do]
    blocked = [item for item in own if item.obstacle and item.state != "complete"]
    words = [f"{len(items)} run{'s' if len(items) != 1 else ''}"]
    shared = sorted({item.row for item in items if item not in own})
    words += [f"{len(items) - len(own)} shared with {'; '.join(shared)}"] if shared else []
    complete = sum(item.state == "complete" for item in own)
    words += [f"{complete} complete"] if complete else []
    words += [f"{len(missing)} to do{_states(missing)}, {_time(missing, 1)}"] if missing else []
    words += [f"{len(blocked)} not runnable here"] if blocked else []
    return f"{row.name}: {', '.join(words)}"


def _states(items: Sequence[Item]) -> str:
    """Say how many go on from where they stopped and how many failed before."""
    counts = {state: sum(item.state == state for item in items) for state in ("interrupted", "failed")}
    said = [f"{count} {state}" for state, count in counts.items() if count]
    return f" ({', '.join(said)})" if said else ""


def _time(items: Sequence[Item], processes: int) -> str:
    known = [item.seconds for item in items if item.seconds is not None]
    unknown = len(items) - len(known)
    if not known:
        return "time unknown"
    about = f"about {duration(sum(known) / processes)}"
    return about if not unknown else f"{about} and {unknown} of unknown time"


def _sum(plan: Plan, processes: int) -> list[str]:
    items = plan.items.values()
    complete = sum(item.state == "complete" for item in items)
    lines = [f"  failed before: {item}: {item.reason}" for item in items if item.to_do and item.state == "failed"]
    reasons: dict[str, int] = {}
    for item in plan.blocked:
        assert item.obstacle is not None
        reasons[item.obstacle] = reasons.get(item.obstacle, 0) + 1
    lines += [f"  not runnable here, {count} run{'s' * (count > 1)}: {reason}" for reason, count in reasons.items()]
    lines.append(
        f"{len(items)} distinct runs in {plan.setup.results}: {complete} complete, {len(plan.to_do)} to do, "
        f"{len(plan.blocked)} not runnable here."
    )
    if plan.to_do:
        on = f" on {processes} processes" if processes > 1 else ""
        lines.append(f"To do{on}: {_time(plan.to_do, processes)}.")
    return lines
