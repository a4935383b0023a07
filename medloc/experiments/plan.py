"""The plan: every distinct run, whether it is there, what has to be done about it, and how that reads."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from medloc.experiments.catalog import Experiment, Row, experiment, experiment_names
from medloc.experiments.estimate import Clock, time_text
from medloc.experiments.reduced import WHOLE, ReducedGrid
from medloc.experiments.rows import PartialIdentity, PlannedRun, planned_run, steps_of
from medloc.runs import NUMERICS, Record, find_records
from medloc.spec.compose import compose_job, default_choices, has_option, option_values
from medloc.spec.overrides import override_texts

State = Literal["complete", "interrupted", "failed", "missing"]
BASES = Path(__file__).resolve().parents[1] / "models" / "bases"
CLIP = "clip_tiny"


@dataclass(frozen=True)
class Setup:
    """A grid to do.

    Attributes:
        experiments: the tables and figures wanted.
        results: the folder of runs.
        grid: what makes the grid smaller.
        conditions: overrides that change no row: how a run is made, not what it is.
        roots: folder of the real images by data set; {} = phantoms.
    """

    experiments: tuple[Experiment, ...]
    results: Path
    grid: ReducedGrid = WHOLE
    conditions: tuple[str, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)

    def overrides(self, run: PlannedRun) -> tuple[str, ...]:
        """Return every override of `medloc.run` for a run."""
        dataset = run.identity["dataset"]
        root = (f"dataset.root={self.roots[dataset]}",) if dataset in self.roots else ()
        return (*run.overrides, *root, *self.conditions, f"results={self.results}")


def wanted(names: tuple[str, ...], family: str, grid: ReducedGrid) -> tuple[Experiment, ...]:
    """Return the experiments of these names; "all" is every one.

    Raises:
        ValueError: a name is no experiment.
    """
    chosen = dict.fromkeys(each for name in names for each in (experiment_names() if name == "all" else (name,)))
    return tuple(experiment(name, family, grid) for name in chosen)


def run_state(records: Iterable[Record], settings: Mapping[str, Any]) -> tuple[State, str]:
    """Return how far a run is, and why it failed where it did.

    Args:
        records: the records that have its name.
        settings: every override of the run, key -> value.

    Raises:
        ValueError: the data set of a complete run cannot be read any more.
        OSError: likewise.
    """
    found = [record for record in records if _same(record, settings)]
    if any(record.status == "complete" and _today(record, settings) for record in found):
        return "complete", ""
    status = {record.status: record for record in found}
    if "running" in status:
        return "interrupted", ""
    return ("failed", status["failed"].reason or "") if "failed" in status else ("missing", "")


def _same(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether a record of the right name is of the same kind of data, of the same length and of this code."""
    root = settings.get("dataset.root")
    origin = f"real: {Path(str(root)).expanduser().resolve().name}" if root else "phantom"
    data = (origin, settings.get("dataset.evaluate_on", "test"))
    untrained = record.identity["steps"] == 0
    length = untrained or record.config["train"]["max_steps"] == steps_of(settings)
    recorded = (record.identity["origin"], record.identity["evaluated_on"])
    return length and recorded == data and record.numerics == NUMERICS


def _today(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether a run would start from the same images and the same base today."""

    def words(*groups: str) -> tuple[str, ...]:
        return override_texts({key: value for key, value in settings.items() if key.partition(".")[0] in groups})

    model = _model_print(words("model", "method"))
    data = _data_print(words("dataset", "cache"))
    return record.fingerprints["data"] == data and model in (None, record.fingerprints["model"])


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
    from medloc.models.base import base_folder, model_fingerprint  # torch is imported here
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

    def said(group: str, key: str) -> Any:
        try:
            return run.values.get(f"{group}.{key}", option_values(group, options[group])[key])
        except KeyError:  # an option that brings others along
            return None

    bases = [] if said("model", "path") else [options["model"]]
    bases += [CLIP] if said("method", "semantic_weight") and not said("method", "semantic_model") else []
    for base in bases:
        if not (BASES / base / "config.json").is_file():
            return f"{base}: its base is not there; make it with `python -m medloc.pretrain model={base}`"
    return None


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

    @property
    def blocked(self) -> bool:
        """Whether it is missing and cannot be made here."""
        return self.state != "complete" and self.obstacle is not None


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
    def obstacles(self) -> Counter[str]:
        """Why runs are missing and cannot be made here -> how many."""
        return Counter(str(item.obstacle) for item in self.items.values() if item.blocked)


def make_plan(setup: Setup) -> Plan:
    """Find out what there is to do.

    Raises:
        ValueError: the data of a complete run cannot be read any more.
        OSError: likewise.
    """
    records = find_records(setup.results).records
    clock = Clock(records)
    named: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        named[_name(record.identity)].append(record)
    items: dict[PlannedRun, Item] = {}
    for each in setup.experiments:
        for row in each.rows:
            for run in row.runs():
                if run not in items:
                    settings = planned_run(setup.overrides(run)).values
                    state, reason = run_state(named[_name(run.identity)], settings)
                    steps = steps_of(settings)
                    place, seconds = f"{each.name} {row.name}", clock.seconds(run, steps)
                    items[run] = Item(run, place, state, reason, obstacle(run), steps, seconds)
    return Plan(setup, items)


def fates(sweep: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each run of a sweep that says how far it is.

    Args:
        sweep: the overrides of each run.
    """
    for overrides in sweep:
        job = compose_job([override for override in overrides if not override.startswith("hydra")])
        run = planned_run(override for override in overrides if not override.startswith("hydra"))
        records = find_records(Path(job.settings.results)).records
        state, reason = run_state([each for each in records if _name(each.identity) == _name(run.identity)], run.values)
        yield f"{run}: {state}" + (f", {reason}" if reason else "")


def _name(identity: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(identity[word] for word in PartialIdentity.__annotations__)


def plan_text(plan: Plan, processes: int) -> str:
    """Return the plan for a reader: a line per row with what is missing from it, then the sum."""
    lines = ["SMOKE: a few steps on a few phantoms; the numbers mean nothing.\n"] if plan.setup.grid.smoke else []
    for each in plan.setup.experiments:
        lines.append(f"{each.name}: {each.shows}")
        lines += [f"  {_row_line(plan, each, row)}" for row in each.rows] or ["  needs no run"]
    return "\n".join([*lines, "", *_sum(plan, processes)])


def _row_line(plan: Plan, each: Experiment, row: Row) -> str:
    items = [plan.items[run] for run in row.runs()]
    own = [item for item in items if item.row == f"{each.name} {row.name}"]
    shared = sorted({item.row for item in items if item not in own})
    complete, blocked = _count(own, "complete"), sum(item.blocked for item in own)
    missing = [item for item in own if item.to_do]
    words = [f"{len(items)} run{'s' if len(items) != 1 else ''}"]
    words += [f"{len(items) - len(own)} shared with {'; '.join(shared)}"] if shared else []
    words += [f"{complete} complete"] if complete else []
    if missing:
        counts = {state: sum(item.state == state for item in missing) for state in ("interrupted", "failed")}
        said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        times = time_text([item.seconds for item in missing], 1)
        words += [f"{len(missing)} to do{f' ({said})' if said else ''}, {times}"]
    words += [f"{blocked} not runnable here"] if blocked else []
    return f"{row.name}: {', '.join(words)}"


def _count(items: Iterable[Item], state: State) -> int:
    return sum(item.state == state for item in items)


def _sum(plan: Plan, processes: int) -> Sequence[str]:
    items, to_do, obstacles = plan.items.values(), plan.to_do, plan.obstacles
    lines = [f"  failed before: {item}: {item.reason}" for item in to_do if item.state == "failed"]
    lines += [f"  not runnable here, {count} run{'s' * (count > 1)}: {why}" for why, count in obstacles.items()]
    lines.append(
        f"{len(items)} distinct runs in {plan.setup.results}: {_count(items, 'complete')} complete, {len(to_do)} to "
        f"do, {obstacles.total()} not runnable here."
    )
    if to_do:
        on = f" on {processes} processes" if processes > 1 else ""
        lines.append(f"To do{on}: {time_text([item.seconds for item in to_do], processes)}.")
    return lines
