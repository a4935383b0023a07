"""From the four config groups to a curriculum."""

from collections.abc import Mapping
from typing import Any

from medloc.curriculum.criteria import Criteria, Strategy
from medloc.curriculum.curriculum import Curriculum, CurriculumParams, MedianCurriculum
from medloc.curriculum.schedule import SCHEDULES, Median, Schedule, config_keys
from medloc.curriculum.window import WindowParams

SECTIONS = ("schedule", "criteria", "strategy", "window")


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
        criteria=Criteria(**_values("criteria", config["criteria"], Criteria)),
        strategy=Strategy(**_values("strategy", config["strategy"], Strategy)),
        window=WindowParams(**_values("window", config["window"], WindowParams)),
    )
    return MedianCurriculum(params) if isinstance(params.schedule, Median) else Curriculum(params)


def _schedule(values: Mapping[str, Any]) -> Schedule:
    name = values.get("name")
    if name not in SCHEDULES:
        raise ValueError(f"schedule.name={name} is not known; choose one of {', '.join(SCHEDULES)}.")
    kind = SCHEDULES[name]
    return kind(**_values("schedule", {key: values[key] for key in values if key != "name"}, kind))


def _values(section: str, values: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Return `values`; ValueError unless its keys are exactly the fields of `kind`."""
    keys = config_keys(kind)
    for key in values:
        if key not in keys:
            raise ValueError(f"{section}.{key} is not known; {section} takes {', '.join(keys)}.")
    for key in keys:
        if key not in values:
            raise ValueError(f"{section}.{key} is missing; {section} takes {', '.join(keys)}.")
    return dict(values)
