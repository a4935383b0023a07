"""One file of `experiments/`, read strictly: what no run could mean is refused in one line that names the file."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from medloc.experiments.planned import uses_schedule
from medloc.experiments.rows import Experiment, Row
from medloc.runs.key import CURRICULUM_GROUPS
from medloc.spec.conf_files import chosen_options, default_value, has_option
from medloc.spec.words import read_word, word

DATASETS = ("ham10000", "heel", "tn3k")
KEYS, ROW_KEYS = ("title", "shows", "datasets", "seeds", "rows"), ("name", "set", "datasets", "seeds")


@cache
def read_experiment(path: Path) -> Experiment:
    """Read one file, its grid rows expanded to "NAME value".

    Raises:
        ValueError: a key is unknown or missing, two rows have one name, a data set or a setting is not known; one
            line, naming the file and the row.
    """
    try:
        return _experiment(path)
    except yaml.YAMLError as error:
        raise ValueError(f"experiments/{path.name}: not YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:
        raise ValueError(f"experiments/{path.name}: {error}") from None


def _experiment(path: Path) -> Experiment:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    _check_keys("the file", content, KEYS, KEYS)
    for key in ("datasets", "seeds", "rows"):
        _check_list(key, content[key])
    rows: list[Row] = []
    for number, written in enumerate(content["rows"], start=1):
        place = f"row {number}"
        _check_keys(place, written, ROW_KEYS, ("name", "set"))
        place = f"row {written['name']!r}"
        _check_settings(place, written["set"])
        axes = {k: written[k] if k in written else content[k] for k in ("datasets", "seeds")}
        _check_axes(place, **axes)
        rows += _expanded(str(written["name"]), written["set"], tuple(axes["datasets"]), tuple(axes["seeds"]))
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"row {name!r} is there {names.count(name)} times; a name stands for one row.")
    return Experiment(path.stem, str(content["title"]), str(content["shows"]), tuple(rows))


def _expanded(
    name: str, settings: Mapping[str, Any], datasets: tuple[str, ...], seeds: tuple[int, ...]
) -> Iterator[Row]:
    """Yield one row per point of the grid that list values span; a list in quotes is one value."""
    axes = {key: value for key, value in settings.items() if isinstance(value, list)}
    for point in product(*axes.values()):
        values = {**settings, **dict(zip(axes, point, strict=True))}
        read = {key: read_word(value) if isinstance(value, str) else value for key, value in values.items()}
        yield Row(" ".join([name, *map(word, point)]), read, datasets, seeds)


def _check_keys(place: str, content: Any, known: Sequence[str], needed: Sequence[str]) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{place} must be a mapping with the keys {', '.join(known)}.")
    for key in content:
        if key not in known:
            raise ValueError(f"{place} has the unknown key {key!r}; known: {', '.join(known)}.")
    for key in needed:
        if key not in content:
            raise ValueError(f"{place} lacks the key {key!r}.")


def _check_list(key: str, value: Any) -> None:
    if not isinstance(value, list):
        raise ValueError(f"{key}={value!r} must be a list.")


def _check_axes(place: str, datasets: Any, seeds: Any) -> None:
    for key, values in (("datasets", datasets), ("seeds", seeds)):
        _check_list(f"{place}: {key}", values)
        if not values or any(value in values[:number] for number, value in enumerate(values)):
            raise ValueError(f"{place}: {key}={values} must name at least one, and each once.")
    for dataset in datasets:
        if dataset not in DATASETS:
            raise ValueError(f"{place}: datasets={dataset} is not known; use {', '.join(DATASETS)}.")
    for seed in seeds:
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"{place}: seeds={seed!r} must be a whole number, not negative.")


def _check_settings(place: str, settings: Any) -> None:
    """Refuse settings that no run could have; an option without a file is left to `medloc.reproduce` to name."""
    if not isinstance(settings, dict) or "method" not in settings:
        raise ValueError(f"{place}: set must be a mapping of overrides with `method` among them.")
    chosen = chosen_options(settings)
    for key in settings:
        group = key.partition(".")[0]
        if key in ("dataset", "seed"):
            raise ValueError(f"{place}: set.{key} is not for a row to set; use `{key}s`.")
        if group in CURRICULUM_GROUPS and not uses_schedule(str(settings["method"]), settings):
            raise ValueError(f"{place}: set.{key} has no meaning with method={settings['method']}; drop it.")
        if key in chosen or (group in chosen and not has_option(group, chosen[group])):
            continue
        try:
            default_value(key, chosen)
        except KeyError:
            raise ValueError(f"{place}: set.{key} is no setting of conf/; see `python -m medloc.run --help`.") from None
