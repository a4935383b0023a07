"""The run key: a short name for what a run computes, the same wherever the same would come out."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

NUMERICS = 1
"""Raise by one when code changes the numbers of a run whose config stayed the same (another loss, another
parser, another order of the data). Old records then keep their keys, and the same command runs again."""

NOT_IN_KEY = (
    "paths",
    "tracking",
    "guard",  # ends a run or leaves it alone
    "results",
    "rerun",
    "device",
    "progress",
    "cache",
    "evaluation.keep_mb",
    "launch.timeout_s",
    "launch.machine",
    "launch.address",
    "launch.port",
    "dataset.root",  # the fingerprints of data and model say what was read; where it lay does not matter
    "dataset.manifest",
    "model.path",
)
"""Dotted keys left out of the run key, each with everything below it."""

ADDED_LATER: dict[str, Any] = {
    "deterministic": False,
    "dataset.target": None,
    "dataset.validation_fraction": 0,
    "rollout": {"name": "transformers"},
}
"""Dotted keys younger than the first records -> the value at which they change nothing and are left out of the run key,
so that a run that does not use them keeps its name."""

CURRICULUM_GROUPS = ("schedule", "strategy", "criteria", "window")
"""Config groups that only a method with a curriculum reads."""


def run_key(config: Mapping[str, Any], *, data: str, model: str, numerics: int = NUMERICS) -> str:
    """Name a run by the hash of everything that moves its numbers.

    Args:
        config: The resolved config as plain mappings, lists and scalars, without groups the method does not
            use (`without_unused_groups`). Order of keys does not matter; 1 and 1.0 are the same; None is a
            value.
        data: Fingerprint of the data set.
        model: Fingerprint of the base model.
        numerics: The code's `NUMERICS`.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: A value is NaN, infinite or of a type JSON does not have; the message names its dotted
            key.
    """
    content = {"config": _canonical(config, ""), "data": data, "model": model, "numerics": numerics}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_unused_groups(config: Mapping[str, Any], uses_curriculum: bool) -> dict[str, Any]:
    """Copy the config without the curriculum's groups where the method has no curriculum to read them."""
    unused = () if uses_curriculum else CURRICULUM_GROUPS
    return {key: value for key, value in config.items() if key not in unused}


def _canonical(value: Any, place: str) -> Any:
    """Bring a value to the one form in which equal configs are equal texts; `place` is its dotted key."""
    if isinstance(value, Mapping):
        return _canonical_mapping(value, place)
    if isinstance(value, list | tuple):
        return [_canonical(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float):
        return _canonical_float(value, place)
    if value is None or isinstance(value, str | bool | int):
        return value
    raise ValueError(
        f"{place}={value!r} is a {type(value).__name__}; a config holds only JSON values. Convert it first."
    )


def _canonical_mapping(mapping: Mapping[str, Any], place: str) -> dict[str, Any]:
    places = {key: f"{place}.{key}" if place else key for key in _only_texts(mapping, place)}
    kept = {key: where for key, where in places.items() if where not in NOT_IN_KEY}
    return {key: _canonical(mapping[key], where) for key, where in kept.items() if not _unused(mapping[key], where)}


def _unused(value: Any, where: str) -> bool:
    return where in ADDED_LATER and value == ADDED_LATER[where]


def _only_texts(mapping: Mapping[str, Any], place: str) -> list[str]:
    for key in mapping:
        if not isinstance(key, str):
            raise ValueError(f"{place or 'config'} has the key {key!r}, which is not text; quote it in the YAML file.")
    return list(mapping)


def _canonical_float(value: float, place: str) -> float | int:
    if not math.isfinite(value):
        raise ValueError(f"{place}={value} must be a finite number.")
    return int(value) if value.is_integer() else value
