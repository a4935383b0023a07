"""The sentences in which the curriculum refuses a parameter: key and value, the rule, the remedy."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any


def require(holds: bool, key: str, value: object, rule: str, remedy: str) -> None:
    """Raise ValueError `key=value rule; remedy.` unless `holds`."""
    if not holds:
        raise ValueError(f"{key}={_shown(value)} {rule}; {remedy}.")


def number(key: str, value: Any, low: float, high: float, remedy: str, *, open_low: bool = False) -> float:
    """Return `value` as a float; ValueError unless it is a number in [low, high], or (low, high]."""
    rule = f"must be a number in {'(' if open_low else '['}{low:g}, {high:g}]"
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    require(numeric and low <= value <= high and not (open_low and value == low), key, value, rule, remedy)
    return float(value)


def numbers(key: str, values: Any, low: float, high: float, remedy: str) -> tuple[float, ...]:
    """Return `values` as a tuple of floats; ValueError unless it is a list of numbers in [low, high]."""
    rule = f"must be a list of numbers in [{low:g}, {high:g}]"
    require(isinstance(values, Iterable) and not isinstance(values, str), key, values, rule, remedy)
    return tuple(number(f"{key}[{i}]", value, low, high, remedy) for i, value in enumerate(values))


def ascending(key: str, values: tuple[float, ...], remedy: str) -> None:
    """Raise ValueError unless `values` strictly ascend."""
    require(all(a < b for a, b in pairwise(values)), key, values, "must ascend", remedy)


def _shown(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
