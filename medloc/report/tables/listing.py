"""Which tables of accuracies there are: `listing.yaml`, the rows of an experiment, and the paper's other numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from medloc.curriculum import SCHEDULES, Schedule, config_keys, next_tau
from medloc.experiments.catalog import Row
from medloc.report.paper import PaperTable, paper_table, validated
from medloc.spec.compose import default_choices, option_values

LISTING = Path(__file__).with_suffix(".yaml")
PATHS = (
    "τ path: the thresholds that a row's schedule can reach, raised whenever it is asked. Schedules with equal paths "
    "differ in their parameters alone, not in what they do."
)
MOST = 12
"""Thresholds kept of a path; linear and cosine steps never quite arrive."""


class Pair(NamedTuple):
    """A difference that a table asks for.

    Attributes:
        minuend: Row from which is subtracted.
        subtrahend: Row that is subtracted.
        name: Of its Δ row; "" for "Δ MINUEND minus SUBTRAHEND".
        printed: The paper's name of this difference; "" for one that is ours.
    """

    minuend: str
    subtrahend: str
    name: str = ""
    printed: str = ""


class Description(BaseModel):
    """What sets one table apart from the others; `listing.yaml` says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    part: str = ""
    rows: frozenset[str] = frozenset()
    metrics: tuple[str, ...] = ("a50",)
    settings: Mapping[str, str] = {}
    path: bool = False
    pairs: tuple[Pair, ...] = ()
    minuends: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def paper(self) -> PaperTable | None:
        """The table as the paper prints it; None for one of ours."""
        number = self.name.removeprefix("table")
        return paper_table(int(number)) if number.isdecimal() else None

    def holds(self, row: str) -> bool:
        """Tell by its name whether a row of the experiment is in this part."""
        return not self.rows or row in self.rows


DESCRIPTIONS = tuple(
    validated(Description, entry, LISTING.name, str(entry.get("name", "without name")))
    for entry in yaml.safe_load(LISTING.read_text(encoding="utf-8"))
)
OURS = tuple(each.name for each in DESCRIPTIONS if each.paper is None)
"""Tables that the paper does not have, in the order of printing."""


def facts_of(described: Description, rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """Return what a table says of its rows besides the numbers: heading of the column -> row -> text."""
    printed = described.paper.settings if described.paper else {}
    facts = {
        heading: {row: _text(settings.get(key)) for row, settings in printed.items()}
        for key, heading in described.settings.items()
    }
    if described.path:
        paths = {row.name: tau_path(schedule_of(row)) for row in rows}
        facts["τ path"] = {name: " → ".join(f"{tau:.2f}" for tau in path) for name, path in paths.items()}
        equal = {name: [o for o, path in paths.items() if path == paths[name] and o != name] for name in paths}
        facts["equal path"] = {name: f"= {', '.join(others)}" for name, others in equal.items() if others}
    return facts


def tau_path(schedule: Schedule) -> tuple[float, ...]:
    """Return the thresholds a schedule can reach: tau0 and every one after it, raised at every step (Equation 10)."""
    path = [float(schedule.tau0)]
    while len(path) < MOST and next_tau(path[-1], schedule) > path[-1]:
        path.append(next_tau(path[-1], schedule))
    return tuple(path)


def schedule_of(row: Row) -> Schedule:
    """Build the schedule of a row: what `conf/` says, with the row's own overrides."""
    name = str(row.set.get("schedule", default_choices()["schedule"]))
    kind, values = SCHEDULES[name], option_values("schedule", name)
    return kind(**{key: row.set.get(f"schedule.{key}", values[key]) for key in config_keys(kind)})


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
