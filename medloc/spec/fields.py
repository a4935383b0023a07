"""What a field of the specification affects and which values it takes, and what follows from that.

Every field of a config group is declared once, in its dataclass, by `setting(affects=..., at_least=...)`. From that
declaration alone follow the run key, the words that name a variant, what publishing removes, and which values are
refused. There is no other list of keys.
"""

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from omegaconf import MISSING

Affects = Literal["results", "reporting", "speed", "place"]
"""results: the trained weights or the answers. reporting: what is logged, kept or shown. speed: time and memory.
place: where files lie and which machine works."""


BOUNDS = {"at_least": operator.ge, "above": operator.gt, "at_most": operator.le, "below": operator.lt}
"""Name of a bound -> how a value has to compare with it."""


def setting(
    *,
    affects: Affects,
    default: Any = MISSING,
    one_of: Sequence[str] = (),
    remedy: str = "",
    in_identity: Any = NO_DEFAULT,
    **bounds: float,
) -> Any:
    """Declare a field of a config group.

    Args:
        affects: What another value changes.
        default: The value at which the field changes nothing. A field with a default is left out of a run's identity
            while it has that value, so adding one moves no old run key. Without a default the value must come from
            `conf/`.
        one_of: The values that a text may have; none means any text but an empty one.
        remedy: What to do about a value that is refused.
        in_identity: What stands for every value of the field in a run's identity. Only for a field that was declared
            `results` when the first records were made, and is not.
        bounds: `at_least`, `above`, `at_most` and `below`: the range of a number. None is always allowed where the
            type allows it.
    """
    if affects not in get_args(Affects):
        raise ValueError(f"affects={affects} must be one of {', '.join(get_args(Affects))}.")
    if unknown := bounds.keys() - BOUNDS.keys():
        raise ValueError(f"{unknown.pop()} is no bound; use one of {', '.join(BOUNDS)}.")
    metadata = {"affects": affects, "bounds": bounds, "one_of": one_of, "remedy": remedy, "in_identity": in_identity}
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def group(schema: type) -> Any:
    """Declare a config group, whose fields say themselves what they affect."""
    return field(default_factory=schema)


def check_values(settings: Any, place: str = "") -> None:
    """Check every value of a config group, and of the groups inside, against its declaration.

    Args:
        settings: An instance of the group's dataclass.
        place: Where the group lies in the specification, such as "dataset."; "" for the whole.

    Raises:
        ValueError: `dotted.key=value`, the rule, the remedy.
    """
    for each in fields(settings):
        key, value = f"{place}{each.name}", getattr(settings, each.name)
        if is_dataclass(value):
            check_values(value, f"{key}.")
        elif value is not None and value != MISSING and (rule := _broken(value, each.metadata)):
            remedy = each.metadata["remedy"]
            raise ValueError(f"{key}={value} {rule}{remedy and '; '}{remedy}.")


def _broken(value: Any, declared: Mapping[str, Any]) -> str:
    """Return the rule that a value breaks; "" if none."""
    bounds, one_of = declared["bounds"], declared["one_of"]
    if bounds:
        rules = [f"{name.replace('_', ' ')} {bound}" for name, bound in bounds.items()]
        if not math.isfinite(value):
            return f"must be a finite number, {' and '.join(rules)}"
        if not all(BOUNDS[name](value, bound) for name, bound in bounds.items()):
            return f"must be {' and '.join(rules)}"
    if one_of and value not in one_of:
        return f"is not known; use one of {', '.join(one_of)}"
    return "must not be empty" if isinstance(value, str) and not value.strip() else ""


def refuse_changed(settings: Any, place: str, remedy: str) -> None:
    """Refuse a group in which a field other than `name` does not have its default.

    Raises:
        ValueError: naming the first such key.
    """
    for each in fields(settings):
        value = getattr(settings, each.name)
        if each.name != "name" and value != _default(each):
            raise ValueError(f"{place}.{each.name}={value} has no meaning with {place}={settings.name}; {remedy}.")


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
    walked = _walk(schema, config, "")
    return {key: value for key, declared, value, _ in walked if not affects or declared["affects"] in affects}


@cache
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
    found = {}
    for key, declared, value, default in _walk(schema, config, ""):
        if (stand_in := declared["in_identity"]) is not NO_DEFAULT:
            found[key] = stand_in
        elif declared["affects"] == "results" and value != default:
            found[key] = value
    return found


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


def _walk(schema: type, config: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any], Any, Any]]:
    """Yield dotted key, declaration, value and default of every leaf."""
    types = get_type_hints(schema)
    for each in fields(schema):
        key, default = f"{place}{each.name}", _default(each)
        if is_dataclass(types[each.name]):
            yield from _walk(types[each.name], config.get(each.name) or {}, f"{key}.")
        elif each.name in config or default != MISSING:
            for leaf, value in _leaves(key, config.get(each.name, default)):
                yield leaf, each.metadata, value, default


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a value; a group that has no dataclass in the specification is a mapping."""
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{key}.{name}", inner)


def _default(declared: Field[Any]) -> Any:
    return declared.default if declared.default_factory is NO_DEFAULT else declared.default_factory()
