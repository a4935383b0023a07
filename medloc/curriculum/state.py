"""Refuse a saved state that does not belong to the curriculum it is given to."""

from collections.abc import Mapping
from typing import Any

from medloc.curriculum.checks import number, require
from medloc.curriculum.schedule import Schedule
from medloc.curriculum.window import WindowParams, checked_groups

STATE_KEYS = ("entries", "size", "tau", "unit")


def check_state(state: Mapping[str, Any], schedule: Schedule, window: WindowParams) -> None:
    """Raise ValueError unless `state` continues a curriculum with this schedule and this window."""
    if not isinstance(state, Mapping):
        raise ValueError(f"curriculum state {str(state)[:80]} is no mapping; the state is damaged, start the run anew.")
    if set(state) != set(STATE_KEYS):
        raise ValueError(
            f"curriculum state has keys {sorted(state)} but needs {list(STATE_KEYS)}; "
            "it was written by another version, start the run anew."
        )
    _same("unit", state["unit"], window.unit)
    _same("size", state["size"], window.size)
    remedy = "it was written under another schedule; start the run anew"
    number("curriculum state tau", state["tau"], schedule.tau0, schedule.tau_target, remedy)
    entries = state["entries"]
    remedy = "the state is damaged; start the run anew"
    require(isinstance(entries, list), "curriculum state entries", entries, "must be a list", remedy)
    rule = f"must be at most window.size={window.size}"
    require(len(entries) <= window.size, "number of curriculum state entries", len(entries), rule, remedy)
    for entry in entries:
        checked_groups([entry])


def _same(name: str, found: object, expected: object) -> None:
    rule = f"does not match window.{name}={expected}"
    remedy = "resume with the settings the run began with, or start it anew"
    require(found == expected, f"curriculum state {name}", found, rule, remedy)
