"""What a field affects decides what it moves; there is no other list."""

from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass
from typing import get_type_hints

import pytest

from medloc.runs.key import run_key
from medloc.spec.compose import reported_otherwise, run_identity
from medloc.spec.dataset import DatasetSettings
from medloc.spec.fields import flatten, group, identity, kind_of, setting, without
from medloc.spec.run import RunSpec
from tests.spec.composed import composed


@dataclass
class Inner:
    """A group of the test."""

    size: int = setting(affects="results")
    folder: str = setting(affects="place")


@dataclass
class Outer:
    """A specification of the test."""

    inner: Inner = group(Inner)
    plain: dict = setting(affects="results")
    points: int = setting(affects="reporting")
    later: int | None = setting(affects="results", default=None)


CONFIG = {"inner": {"size": 3, "folder": "/a"}, "plain": {"name": "x", "deltas": [1, 2]}, "points": 5, "later": None}


def test_the_identity_is_what_moves_results_without_defaults():
    assert identity(Outer, CONFIG) == {"inner.size": 3, "plain.name": "x", "plain.deltas": [1, 2]}
    assert identity(Outer, {**CONFIG, "later": 4})["later"] == 4
    without_later = {key: value for key, value in CONFIG.items() if key != "later"}  # a record of before the field
    assert identity(Outer, without_later) == identity(Outer, CONFIG)


def test_fields_are_found_by_what_they_affect():
    assert flatten(Outer, CONFIG, "place", "reporting") == {"inner.folder": "/a", "points": 5}
    assert list(flatten(Outer, CONFIG)) == [
        "inner.size",
        "inner.folder",
        "plain.name",
        "plain.deltas",
        "points",
        "later",
    ]
    assert without(Outer, CONFIG, "place", "reporting") == {
        "inner": {"size": 3},
        "plain": {"name": "x", "deltas": [1, 2]},
        "later": None,
    }
    assert [kind_of(Outer, key) for key in ("inner.folder", "plain.name", "points")] == [
        "place",
        "results",
        "reporting",
    ]
    assert [kind_of(Outer, key) for key in ("inner", "inner.sise", "nothing")] == [None] * 3


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"^affects=looks must be one of results, reporting, speed, place\.$"):
        setting(affects="looks")


def leaves(schema, place=""):
    for each in fields(schema):
        inner = get_type_hints(schema)[each.name]
        if is_dataclass(inner):
            yield from leaves(inner, f"{place}{each.name}.")
        else:
            yield f"{place}{each.name}", each


def test_every_field_of_a_run_says_what_it_affects():
    declared = dict(leaves(RunSpec))
    assert len(declared) > 90
    assert all(each.metadata.get("affects") for each in declared.values())


def key_of(config):
    return run_key(run_identity(config), data="d" * 16, model="m" * 16)


@pytest.fixture(scope="module")
def config():
    return composed("model=qwen2_5_vl_3b").config


def changed(config, dotted, value):
    name, _, rest = dotted.partition(".")
    return {**config, name: changed(config.get(name, {}), rest, value) if rest else value}


@pytest.mark.parametrize("dotted", [key for key, each in leaves(RunSpec) if each.metadata["affects"] != "results"])
def test_what_affects_no_result_moves_no_key(config, dotted):
    assert key_of(changed(config, dotted, "another")) == key_of(config)


@pytest.mark.parametrize("dotted", [key for key, each in leaves(RunSpec) if each.metadata["affects"] == "results"])
def test_whatever_affects_results_moves_the_key(config, dotted):
    assert key_of(changed(config, dotted, {"name": "x"} if dotted in ("schedule", "window") else "another")) != key_of(
        config
    )


@pytest.mark.parametrize(
    "dotted",
    [
        *("train.keep_checkpoints", "train.checkpoints", "evaluation.points", "dataset.sidecar", "rollout.server"),
        *("threads", "dataset.root", "dataset.manifest", "model.path", "device", "results", "cache", "guard.most_kl"),
        *("launch.timeout_s", "launch.machine", "launch.address", "launch.port", "tracking.name"),
    ],
)
def test_places_speed_and_reporting_are_not_in_the_key(dotted):
    assert kind_of(RunSpec, dotted) != "results"


def test_a_field_that_is_added_moves_no_old_key(config):
    """The specification with one more field, at its default: every old key stays."""
    added = ("smoothing", float, setting(affects="results", default=0.0))
    wider = make_dataclass("Wider", [added], bases=(DatasetSettings,))
    spec = make_dataclass("WiderSpec", [("dataset", wider, field(default_factory=wider))], bases=(RunSpec,))
    old, new = identity(RunSpec, config), identity(spec, config)
    assert new == old
    assert identity(spec, changed(config, "dataset.smoothing", 0.0)) == old
    assert identity(spec, changed(config, "dataset.smoothing", 0.1)) != old
    reporting = ("colour", str, setting(affects="reporting"))
    shown = make_dataclass("Shown", [reporting], bases=(RunSpec,))
    assert identity(shown, {**config, "colour": "red"}) == old


def test_a_sweep_and_a_single_run_have_one_key():
    """`-m` gives every run a core of its own; threads are not part of the key, and train=tiny has one in any case."""
    assert key_of(composed("threads=2").config) == key_of(composed().config)
    assert composed().settings.threads == 1
    assert composed("train=paper").settings.threads is None


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "aa4c1f5bb6747b65"),
        (["dataset=tn3k", "method=vlm_r1"], "d8b244673c9fb7c4"),
        (["dataset=heel", "dataset.root=/x"], "eb9c4b3030968a83"),
    ],
)
def test_golden_keys_of_composed_runs(overrides, expected):
    # A value that changes here takes their names from all records of such runs.
    assert key_of(composed(*overrides).config) == expected


def test_the_curriculum_of_a_method_without_one_is_not_in_the_key():
    config = composed("method=vlm_r1").config
    assert key_of(changed(config, "window.size", 20)) == key_of(config)
    medloc = composed().config
    assert key_of(changed(medloc, "window.size", 20)) != key_of(medloc)


def test_what_a_manifest_brings_moves_the_key_only_where_it_moves_results():
    def key(*overrides):
        return key_of(composed("dataset=manifest", *overrides).config)

    plain = key("dataset.manifest=a.jsonl")
    assert key("dataset.manifest=b.jsonl", "dataset.root=/elsewhere") == plain
    for word in ("dataset.target=cyst", "dataset.validation_fraction=0.1", "dataset.boxes=all", "dataset.prompt=Where"):
        assert key("dataset.manifest=a.jsonl", word) != plain


def test_how_a_finished_run_was_reported_otherwise_is_known():
    asked, made = composed("evaluation.points=5", "tracking=tensorboard").config, composed("seed=7").config
    differing = reported_otherwise(made, asked)
    assert differing["evaluation.points"] == (10, 5)
    assert differing["tracking.name"] == ("none", "tensorboard")
    assert "seed" not in differing
    assert reported_otherwise(made, made) == {}
