"""Every number of the specification has its range, and a value outside of it is one line."""

import math
from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

import pytest

from medloc.curriculum import SCHEDULES, curriculum_from
from medloc.spec.compose import compose_job
from medloc.spec.dataset import DatasetSettings
from medloc.spec.fields import BOUNDS, check_values, refuse_changed, setting
from medloc.spec.launch import LaunchSettings
from medloc.spec.pretrain import PretrainSettings
from medloc.spec.run import RunSpec
from tests.curriculum.configs import config


def leaves(schema, place=""):
    """Dotted key, dataclass, field and type of every leaf."""
    for each in fields(schema):
        kind = get_type_hints(schema)[each.name]
        if is_dataclass(kind):
            yield from leaves(kind, f"{place}{each.name}.")
        else:
            yield f"{place}{each.name}", schema, each, kind


def numbers(schema):
    return [leaf for leaf in leaves(schema) if {int, float} & {leaf[3], *get_args(leaf[3])}]


EVERY = [*numbers(RunSpec), *numbers(PretrainSettings)]


def refusal(schema, name, value):
    """What is said of a value where every other field is missing."""
    made = schema(**{each.name: "???" for each in fields(schema)} | {name: value})
    with pytest.raises(ValueError, match="must be") as caught:
        check_values(made, "here.")
    return str(caught.value)


@pytest.mark.parametrize(("key", "schema", "field", "kind"), EVERY, ids=lambda part: part if "." in str(part) else "")
def test_every_number_has_a_range_and_what_lies_outside_is_refused(key, schema, field, kind):
    bounds = field.metadata["bounds"]
    assert {"at_least", "above"} & set(bounds), f"{key} has no lower bound"
    outside = {"at_least": -1, "above": 0, "at_most": 1, "below": 0}
    for name, bound in bounds.items():
        line = refusal(schema, field.name, bound + outside[name])
        assert line.startswith(f"here.{field.name}={bound + outside[name]} must be ")
        assert f"{name.replace('_', ' ')} {bound}" in line
        assert line.endswith(".")
    for value in (math.nan, math.inf):
        assert f"{field.name}={value} must be a finite number, at" in refusal(schema, field.name, value).replace(
            "above", "at"
        )


def test_the_walk_sees_numbers_that_may_be_null():
    assert len(EVERY) > 50
    assert {"threads", "train.max_steps", "model.lora.dropout", "guard.most_kl"} <= {key for key, *_ in EVERY}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("threads=-1", "threads=-1 must be at least 1; null uses all cores."),
        ("train.threads=0", "train.threads=0 must be at least 1; null uses all cores."),
        ("evaluation.batch_size=0", "evaluation.batch_size=0 must be at least 1."),
        ("evaluation.points=-1", "evaluation.points=-1 must be at least 0."),
        ("evaluation.images=0", "evaluation.images=0 must be at least 1."),
        ("seed=-1", "seed=-1 must be at least 0 and below 4294967296."),
        ("train.temperature=0", "train.temperature=0.0 must be above 0."),
        ("dataset.prompt=''", "dataset.prompt= must not be empty; null asks the data set's own question."),
        ("dataset.prompt='  '", "dataset.prompt=   must not be empty; null asks the data set's own question."),
        ("device=gpu", "device=gpu is not known; use one of auto, cpu."),
        ("launch.machine=1", "launch.machine=1 has no meaning with launch=single; use launch=ddp."),
    ],
)
def test_a_value_outside_is_refused_when_the_run_is_composed(override, message):
    with pytest.raises(ValueError, match=message.partition("=")[0]) as caught:
        compose_job([override])
    assert str(caught.value) == message


@pytest.mark.parametrize("word", ["method=_common", "model=_published"])
def test_a_file_that_is_a_part_of_others_is_no_choice(word):
    with pytest.raises(ValueError, match=rf"^{word} is not known; choose one of [a-z]") as caught:
        compose_job([word])
    assert " _" not in str(caught.value)


def test_values_at_a_bound_and_missing_ones_pass():
    settings = DatasetSettings(**{each.name: "???" for each in fields(DatasetSettings)})
    settings.validation_fraction, settings.split_seed, settings.boxes, settings.target = 0, 0, "all", None
    check_values(settings)
    with pytest.raises(ValueError, match=r"^boxes=any is not known; use one of union, largest, single, all\.$"):
        check_values(DatasetSettings(**{**vars(settings), "boxes": "any"}))


def test_a_group_that_may_not_be_changed_keeps_its_name():
    refuse_changed(LaunchSettings(name="single"), "launch", "drop it")
    with pytest.raises(ValueError, match=r"^launch\.port=1 has no meaning with launch=single; drop it\.$"):
        refuse_changed(LaunchSettings(name="single", port=1), "launch", "drop it")


def test_an_unknown_bound_is_refused():
    with pytest.raises(ValueError, match=r"^most is no bound; use one of at_least, above, at_most, below\.$"):
        setting(affects="speed", most=3)
    assert list(BOUNDS) == ["at_least", "above", "at_most", "below"]


def curriculum_numbers():
    for name in SCHEDULES:
        for section, values in config(name).items():
            for key, value in values.items():
                if type(value) in (int, float) or (isinstance(value, list) and value):
                    yield name, section, key, value


@pytest.mark.parametrize(("name", "section", "key", "value"), [*curriculum_numbers()])
def test_the_curriculum_has_a_range_for_every_number(name, section, key, value):
    settings = config(name)
    settings[section] = {**settings[section], key: [-1.5, *value[1:]] if isinstance(value, list) else -2}
    with pytest.raises(ValueError, match=rf"^{section}\.{key}(\[0\])?=-"):
        curriculum_from(settings)
