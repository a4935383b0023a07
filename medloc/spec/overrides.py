"""Overrides as Hydra reads them: `key=value`, and every value written in one way only."""

from collections.abc import Iterable
from typing import Any


def value_text(value: Any) -> str:
    """Write a value as an override has it: 0.10 is "0.1", 1.0 is "1", a list "[0.1,0.05]", None "null"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return f"[{','.join(value_text(item) for item in value)}]"
    return str(value)


def override_texts(values: dict[str, Any]) -> tuple[str, ...]:
    """Write key -> value as overrides."""
    return tuple(f"{key}={value_text(value)}" for key, value in values.items())


def read_overrides(words: Iterable[str]) -> dict[str, Any]:
    """Read overrides into key -> value by Hydra's own grammar; of two for one key the later holds.

    Raises:
        ValueError: a word is not `key=value`.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser  # here: reading records needs no Hydra
    from hydra.errors import HydraException

    words = list(words)
    try:
        read = OverridesParser.create().parse_overrides(words)
    except HydraException as mistake:
        raise ValueError(f"{' '.join(words)}: {str(mistake).partition(chr(10))[0]}") from None
    return {each.key_or_group: each.value() for each in read}
