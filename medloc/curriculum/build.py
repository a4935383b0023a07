"""From the four config groups to a curriculum."""

from collections.abc import Callable, Mapping
from typing import Any

from medloc.curriculum.criteria import Criteria
from medloc.curriculum.curriculum import Curriculum, CurriculumParams
from medloc.curriculum.median import Median, MedianCurriculum
from medloc.curriculum.schedule import Cosine, Fixed, Identical, Linear, Piecewise, Schedule
from medloc.curriculum.strategy import Strategy
from medloc.curriculum.window import WindowParams

SCHEDULES: dict[str, tuple[Callable[..., Schedule], tuple[str, ...]]] = {
    "piecewise": (Piecewise, ("tau0", "tau_target", "deltas", "boundaries")),
    "linear": (Linear, ("tau0", "tau_target", "delta0")),
    "cosine": (Cosine, ("tau0", "tau_target", "delta0")),
    "identical": (Identical, ("tau0", "tau_target", "delta")),
    "fixed": (Fixed, ("tau",)),
    "median": (Median, ("tau_target", "falls")),
}
"""Name of a schedule -> what builds it, and the config keys it takes in that order."""

SECTIONS = ("schedule", "criteria", "strategy", "window")
CRITERIA_KEYS = ("use_reward", "use_margin", "use_stability", "margin")
STRATEGY_KEYS = ("boundaries", "P", "S")
WINDOW_KEYS = ("size", "refresh", "unit")


def curriculum_from(config: Mapping[str, Any]) -> Curriculum:
    """Build a curriculum from plain values, as the config groups hold them.

    Args:
        config: `{"schedule": {"name": "piecewise", "tau0": 0.3, ...}, "criteria": {...}, "strategy": {...},
            "window": {...}}`; further top-level keys are ignored, keys inside a section are not.

    Raises:
        ValueError: a section or key is missing or unknown, or a value breaks its rule; the message names the
            dotted key.
    """
    for section in SECTIONS:
        if not isinstance(config.get(section), Mapping):
            raise ValueError(f"{section} is missing; a curriculum needs {', '.join(SECTIONS)}.")
    params = CurriculumParams(
        schedule=_schedule(config["schedule"]),
        criteria=Criteria(*_values("criteria", config["criteria"], CRITERIA_KEYS)),
        strategy=Strategy(*_values("strategy", config["strategy"], STRATEGY_KEYS)),
        window=WindowParams(*_values("window", config["window"], WINDOW_KEYS)),
    )
    return MedianCurriculum(params) if isinstance(params.schedule, Median) else Curriculum(params)


def _schedule(values: Mapping[str, Any]) -> Schedule:
    name = values.get("name")
    if name not in SCHEDULES:
        raise ValueError(f"schedule.name={name} is not known; choose one of {', '.join(SCHEDULES)}.")
    build, keys = SCHEDULES[name]
    return build(*_values("schedule", {key: values[key] for key in values if key != "name"}, keys))


def _values(section: str, values: Mapping[str, Any], keys: tuple[str, ...]) -> list[Any]:
    for key in values:
        if key not in keys:
            raise ValueError(f"{section}.{key} is not known; {section} takes {', '.join(keys)}.")
    for key in keys:
        if key not in values:
            raise ValueError(f"{section}.{key} is missing; {section} takes {', '.join(keys)}.")
    return [values[key] for key in keys]
