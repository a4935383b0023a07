"""`experiments/`: which runs each table and figure needs, read strictly from one YAML file each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from medloc.experiments.reduced import WHOLE, ReducedGrid
from medloc.experiments.rows import Experiment, Row
from medloc.spec.fields import kind_of
from medloc.spec.machine import CHECKOUT
from medloc.spec.overrides import read_overrides, value_text
from medloc.spec.run import CURRICULUM, RunSpec

EXPERIMENTS = CHECKOUT / "experiments"
DATASETS = ("ham10000", "heel", "tn3k")
KEYS, ROW_KEYS = ("title", "shows", "datasets", "seeds", "rows"), ("name", "set", "datasets", "seeds")

FAMILIES = {
    "tiny": {
        "3B": "tiny_s",
        "7B": "tiny_m",
        "32B": "tiny_l",
        "InternVL-4B": "internvl_tiny",
        "GroundingDINO-L": "grounding_dino_tiny",
        "specialist": "specialist_tiny",
    },
    "Qwen2.5-VL": {
        "3B": "qwen2_5_vl_3b",
        "7B": "qwen2_5_vl_7b",
        "32B": "qwen2_5_vl_32b",
        "InternVL-4B": "internvl2_5_4b",
        "GroundingDINO-L": "grounding_dino_b",
        "specialist": "specialist",
    },
}
"""Family -> the paper's model, Qwen2.5-VL by its size alone -> ours; the specialist is not the paper's. Families never
share a table."""

TRAIN = {"tiny": "tiny", "Qwen2.5-VL": "paper"}
"""Family -> the preset it trains by: option of the group `train`."""


def family_of(model: str) -> str | None:
    """Return the family a model belongs to, None for a model that stands in no row."""
    return next((family for family, sizes in FAMILIES.items() if model in sizes.values()), None)


def in_family(model: str, family: str) -> str:
    """Return the model that stands in `family` where `model` stands in its own.

    Raises:
        ValueError: there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family={family} is not known; use one of {', '.join(FAMILIES)}.")
    sizes = {name: size for models in FAMILIES.values() for size, name in models.items()}
    return FAMILIES[family][sizes[model]] if model in sizes else model


def experiments(family: str = "tiny", grid: ReducedGrid = WHOLE) -> tuple[Experiment, ...]:
    """Return every experiment: tables, figures, then our own."""
    return tuple(experiment(name, family, grid) for name in experiment_names())


def experiment(name: str, family: str = "tiny", grid: ReducedGrid = WHOLE) -> Experiment:
    """Read one experiment.

    Args:
        name: "table1" ... "rewards".
        family: the model family whose sizes stand where the paper has 3B, 7B and 32B.
        grid: what makes it smaller; rows that it leaves no run of are left out.

    Raises:
        ValueError: no such experiment or family, or a defect in its file; one line, naming the file.
    """
    if name not in experiment_names():
        raise ValueError(f"{name} is no experiment; known: {', '.join(experiment_names())}.")
    read = read_experiment(EXPERIMENTS / f"{name}.yaml")
    rows = (_adapted(row, family, grid) for row in read.rows)
    return Experiment(name, read.title, read.shows, tuple(row for row in rows if row.datasets and row.seeds))


@cache
def experiment_names() -> tuple[str, ...]:
    """Return the names of the files, tables first, then figures."""
    names = (path.stem for path in EXPERIMENTS.glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: (not name.startswith("table"), not name.startswith("figure"), name)))


def _adapted(row: Row, family: str, grid: ReducedGrid) -> Row:
    """Put the family's model into the place of the paper's, and its preset beside it."""
    settings = {**row.set, "model": in_family(str(row.set.get("model", FAMILIES["tiny"]["3B"])), family)}
    if TRAIN[family] != row.set.get("train", "tiny"):
        settings["train"] = TRAIN[family]
    return Row(
        row.name,
        settings,
        tuple(d for d in row.datasets if d in (grid.datasets or DATASETS)),
        tuple(s for s in row.seeds if s in (grid.seeds or row.seeds)),
        grid.overrides,
    )


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
        axes = {key: written.get(key, content[key]) for key in ("datasets", "seeds")}
        _check_axes(place, axes)
        rows += _expanded(str(written["name"]), written["set"], tuple(axes["datasets"]), tuple(axes["seeds"]))
    for name, times in Counter(row.name for row in rows).items():
        if times > 1:
            raise ValueError(f"row {name!r} is there {times} times; a name stands for one row.")
    return Experiment(path.stem, str(content["title"]), str(content["shows"]), tuple(rows))


def _expanded(
    name: str, settings: Mapping[str, Any], datasets: tuple[str, ...], seeds: tuple[int, ...]
) -> Iterator[Row]:
    """Yield one row per point of the grid that list values span; a list in quotes is one value."""
    axes = {key: value for key, value in settings.items() if isinstance(value, list)}
    for point in product(*axes.values()):
        values = {**settings, **dict(zip(axes, point, strict=True))}
        read = {key: _read(value) for key, value in values.items()}
        yield Row(" ".join([name, *map(value_text, point)]), read, datasets, seeds)


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


def _check_axes(place: str, axes: Mapping[str, Any]) -> None:
    for key, values in axes.items():
        _check_list(f"{place}: {key}", values)
        if not values or any(value in values[:number] for number, value in enumerate(values)):
            raise ValueError(f"{place}: {key}={values} must name at least one, and each once.")
    for dataset in axes["datasets"]:
        if dataset not in DATASETS:
            raise ValueError(f"{place}: datasets={dataset} is not known; use {', '.join(DATASETS)}.")
    for seed in axes["seeds"]:
        if type(seed) is not int or seed < 0:
            raise ValueError(f"{place}: seeds={seed!r} must be a whole number, not negative.")


def _check_settings(place: str, settings: Any) -> None:
    """Refuse settings that no run could have; an option without a file is left to `medloc.reproduce` to name."""
    if not isinstance(settings, dict) or "method" not in settings:
        raise ValueError(f"{place}: set must be a mapping of overrides with `method` among them.")
    for key in settings:
        group, _, rest = key.partition(".")
        if key in ("dataset", "seed"):
            raise ValueError(f"{place}: set.{key} is not for a row to set; use `{key}s`.")
        known = group in CURRICULUM if rest else group in RunSpec.__dataclass_fields__
        if not known and kind_of(RunSpec, key) is None:
            raise ValueError(f"{place}: set.{key} is no setting of conf/; see `python -m medloc.run --help`.")


def _read(value: Any) -> Any:
    """Read a list in quotes, which is one value and no axis of a grid."""
    return read_overrides([f"value={value}"])["value"] if isinstance(value, str) and value.startswith("[") else value
