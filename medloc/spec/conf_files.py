"""What `conf/` says, read as plain YAML: enough to know a default without waiting for Hydra."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from medloc.spec import CONF


@cache
def default_options() -> dict[str, str]:
    """Return the option that `conf/config.yaml` chooses in every group."""
    entries = _config()["defaults"]
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    return {group: option for group, option in pairs if not group.startswith("override ")}


def chosen_options(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the option of every group where `settings` (dotted key -> value) are given.

    A method may bring options of other groups along, such as its own model; what is given holds against them.
    """
    given = {key: str(value) for key, value in settings.items() if key in default_options()}
    method = given.get("method", default_options()["method"])
    return default_options() | _brought_along(method) | given


def has_option(group: str, option: str) -> bool:
    """Tell whether `conf/` has this option of a group."""
    return (CONF / group / f"{option}.yaml").is_file()


def default_value(key: str, options: Mapping[str, str]) -> Any:
    """Return what a dotted key is, where `options` are chosen and nothing else is said.

    Raises:
        KeyError: `conf/` has no such key there, or no such option.
    """
    group, _, rest = key.partition(".")
    if group not in options:
        found: Any = _config()
        path = key
    elif has_option(group, options[group]):
        found, path = _merged(group, options[group]), rest
    else:
        raise KeyError(key)
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            raise KeyError(key)
        found = found[name]
    if isinstance(found, str) and found.startswith("${") and ":" not in found:
        return default_value(found[2:-1], options)
    return found


@cache
def _brought_along(method: str) -> dict[str, str]:
    """Read the lines `override /model@_global_.model: tiny_s` of a method's defaults."""
    entries = _load(f"method/{method}.yaml").get("defaults", []) if has_option("method", method) else []
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    overridden = ((key.removeprefix("override /").partition("@")[0], option) for key, option in pairs)
    return {group: option for group, option in overridden if group in default_options()}


@cache
def _merged(group: str, option: str) -> dict[str, Any]:
    """Read one option on top of those it starts from; schemas have no file and no values."""
    own = _load(f"{group}/{option}.yaml")
    values: dict[str, Any] = {}
    for parent in own.pop("defaults", []):
        if isinstance(parent, str) and has_option(group, parent):
            values |= _merged(group, parent)
    return values | own


@cache
def _config() -> dict[str, Any]:
    return _load("config.yaml")


def _load(path: str) -> dict[str, Any]:
    with (CONF / path).open(encoding="utf-8") as file:
        content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert isinstance(content, dict)
    return content
