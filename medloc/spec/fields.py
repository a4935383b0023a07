"""What a field of the specification affects, and what follows from that.

Every field of a config group is declared once, in its dataclass, by `setting(affects=...)`. From that declaration alone
follow the run key, the words that name a variant, and what publishing removes. There is no other list of keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, field, fields, is_dataclass
from typing import Any, Literal, get_args, get_type_hints

from omegaconf import MISSING

Affects = Literal["results", "reporting", "speed", "place"]
"""results: the trained weights or the answers. reporting: what is logged, kept or shown. speed: time and memory.
place: where files lie and which machine works."""


def setting(*, affects: Affects, default: Any = MISSING) -> Any:
    """Declare a field of a config group.

    Args:
        affects: What another value changes.
        default: The value at which the field changes nothing. A field with a default is left out of a run's identity
            while it has that value, so adding one moves no old run key. Without a default the value must come from
            `conf/`.
    """
    if affects not in get_args(Affects):
        raise ValueError(f"affects={affects} must be one of {', '.join(get_args(Affects))}.")
    metadata = {"affects": affects}
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def group(schema: type) -> Any:
    """Declare a config group, whose fields say themselves what they affect."""
    return field(default_factory=schema)


def flatten(schema: type, config: Mapping[str, Any], *affects: Affects) -> dict[str, Any]:
    """Return the fields of a resolved configuration that affect what is asked for.

    Args:
        schema: The dataclass that `config` is an instance of, as plain mappings.
        config: Group or field -> value. A key that the schema does not know is ignored; a field that is not there has
            its default.
        affects: The kinds wanted; none means all.

    Returns:
        Dotted key -> value, in the order of the declarations.
    """
    return {key: value for key, kind, value, _ in _walk(schema, config, "") if not affects or kind in affects}


def kind_of(schema: type, key: str) -> Affects | None:
    """Return what the field of a dotted key affects; None where the schema has no such field."""
    name, _, rest = key.partition(".")
    for each in fields(schema):
        if each.name == name:
            inner = get_type_hints(schema)[name]
            if is_dataclass(inner):
                return kind_of(inner, rest) if isinstance(inner, type) and rest else None
            affects: Affects = each.metadata["affects"]
            return affects
    return None


def identity(schema: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells two runs apart: every field that affects results and does not have its default value."""
    walked = _walk(schema, config, "")
    return {key: value for key, kind, value, default in walked if kind == "results" and value != default}


def without(schema: type, config: Mapping[str, Any], *affects: Affects) -> dict[str, Any]:
    """Return a resolved configuration, group by group, without the fields that affect one of these.

    A group of which nothing is left is left out, too.
    """
    kept: dict[str, Any] = {}
    for name, value in config.items():
        kind, inner = kind_of(schema, name), get_type_hints(schema).get(name)
        if is_dataclass(inner) and isinstance(inner, type) and isinstance(value, Mapping):
            kept |= {name: rest} if (rest := without(inner, value, *affects)) else {}
        elif kind not in affects:
            kept[name] = value
    return kept


def _walk(schema: type, config: Mapping[str, Any], place: str) -> Iterator[tuple[str, Affects, Any, Any]]:
    """Yield dotted key, kind, value and default of every leaf."""
    types = get_type_hints(schema)
    for each in fields(schema):
        key, default = f"{place}{each.name}", _default(each)
        if is_dataclass(types[each.name]):
            yield from _walk(types[each.name], config.get(each.name) or {}, f"{key}.")
        elif each.name in config or default != MISSING:
            value = config.get(each.name, default)
            if isinstance(value, Mapping):
                yield from _leaves(value, key, each.metadata["affects"])
            else:
                yield key, each.metadata["affects"], value, default


def _leaves(values: Mapping[str, Any], place: str, kind: Affects) -> Iterator[tuple[str, Affects, Any, Any]]:
    """Yield the leaves of a group that has no dataclass in the specification; none of them has a default."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{place}.{name}", kind)
        else:
            yield f"{place}.{name}", kind, value, MISSING


def _default(declared: Field[Any]) -> Any:
    return declared.default if declared.default_factory is NO_DEFAULT else declared.default_factory()
