"""Overrides as words: `key=value`, every value written in one way only, so that equal settings are equal texts."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import yaml

SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")  # YAML takes 1e-6 for text


def word(value: Any) -> str:
    """Write a value as an override has it: 0.10 is "0.1", 1.0 is "1", a list "[0.1,0.05]", None "null"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return f"[{','.join(word(item) for item in value)}]"
    return str(value)


@cache
def read_word(text: str) -> Any:
    """Read a value from an override: numbers, lists, true, false and null; anything else is text."""
    try:
        value = _numbers(yaml.safe_load(text))
    except yaml.YAMLError:
        return text
    return value if value is None or isinstance(value, bool | int | float | list) else text


def _numbers(value: Any) -> Any:
    """Return what YAML read with the numbers it takes for text as numbers, in lists too."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return float(value) if isinstance(value, str) and SCIENTIFIC.fullmatch(value) else value


def settings_of(words: Iterable[str]) -> dict[str, Any]:
    """Read overrides into key -> value; of two for one key the later holds.

    Raises:
        ValueError: a word is not `key=value`.
    """
    settings = {}
    for each in words:
        key, equals, text = each.partition("=")
        if not equals or not key:
            raise ValueError(f"{each} is not key=value.")
        settings[key] = read_word(text)
    return settings
