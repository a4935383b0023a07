"""The run key: a short name for what a run computes, the same wherever the same would come out."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

NUMERICS = 1
"""Raised by one when code changes the numbers of a run whose configuration stayed the same (another loss, another
parser, another order of the data). Old records then keep their keys, and the same command runs again."""


def run_key(identity: Mapping[str, Any], *, data: str, model: str, numerics: int = NUMERICS) -> str:
    """Name a run by the hash of everything that moves its results.

    Args:
        identity: Dotted key -> value of the fields that affect results and do not have their default
            (`medloc.spec.compose.run_identity`). Order does not matter; 1 and 1.0 are the same; None is a value.
        data: Fingerprint of the data set's content.
        model: Fingerprint of the base model's content.
        numerics: The code's `NUMERICS`.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: A value is NaN, infinite or of a type JSON does not have; the message names its dotted key.
    """
    canonical = {key: _canonical(value, key) for key, value in identity.items()}
    content = {"identity": canonical, "data": data, "model": model, "numerics": numerics}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any, place: str) -> Any:
    """Bring a value to the one form in which equal values are equal texts; `place` is its dotted key."""
    if isinstance(value, list | tuple):
        return [_canonical(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place}={value} must be a finite number.")
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, str | bool | int):
        return value
    raise ValueError(f"{place}={value!r} is a {type(value).__name__}; only JSON values can be named.")
