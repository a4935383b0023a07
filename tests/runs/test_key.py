import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.runs import run_key, without_unused_groups

CONFIG = {
    "dataset": {"name": "tn3k", "root": None, "boxes": "single"},
    "model": {"name": "tiny_s"},
    "method": {"name": "medloc"},
    "schedule": {"name": "piecewise", "deltas": [0.15, 0.1, 0.05]},
    "window": {"size": 30},
    "train": {"lr": 1e-4, "max_steps": 250, "threads": 1},
    "seed": 42,
}


def key(config, data="d" * 16, model="m" * 16, **more):
    return run_key(config, data=data, model=model, **more)


def changed(dotted, value):
    *groups, last = dotted.split(".")
    config = {name: dict(part) if isinstance(part, dict) else part for name, part in CONFIG.items()}
    part = config
    for group in groups:
        part = part.setdefault(group, {})
    part[last] = value
    return config


def test_golden_key():
    # Pinned: a changed value here means that every existing record loses its name.
    assert key(CONFIG) == "3f26c18db79cc99d"
    assert len(key(CONFIG)) == 16


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("seed", 43),
        ("window.size", 20),
        ("dataset.boxes", None),
        ("train.threads", 2),
        ("schedule.deltas", [0.1, 0.15, 0.05]),
        ("method.name", "vlm_r1"),
        ("new", None),
        ("rollout", {"name": "vllm_colocate"}),
        ("launch.processes", 4),
    ],
)
def test_what_moves_numbers_moves_the_key(dotted, value):
    assert key(changed(dotted, value)) != key(CONFIG)


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("dataset.root", "/elsewhere"),
        ("dataset.manifest", "/elsewhere/manifest.jsonl"),
        ("model.path", "/elsewhere"),
        ("cache", "/elsewhere"),
        ("paths.any", "/elsewhere"),
        ("tracking.name", "wandb"),
        ("results", "there"),
        ("rerun", True),
        ("device", "cuda"),
        ("progress", False),
        ("window.size", 30.0),
        ("seed", 42.0),
        ("rollout", {"name": "transformers"}),  # came later, and changes nothing at this value
        ("schedule.deltas", (0.15, 0.1, 0.05)),
    ],
)
def test_what_moves_no_number_keeps_the_key(dotted, value):
    assert key(changed(dotted, value)) == key(CONFIG)


@pytest.mark.parametrize(
    ("dotted", "unused", "used"), [("dataset.target", None, "nodule"), ("dataset.validation_fraction", 0.0, 0.1)]
)
def test_a_younger_key_moves_the_run_key_only_where_it_is_used(dotted, unused, used):
    assert key(changed(dotted, unused)) == key(CONFIG)
    assert key(changed(dotted, used)) != key(CONFIG)


def test_only_the_named_places_are_left_out():
    assert key(changed("train.results", "there")) != key(CONFIG)
    assert key(changed("dataset.root_files", "there")) != key(CONFIG)


def test_data_model_and_numerics_are_in_the_key():
    keys = {
        key(CONFIG),
        key(CONFIG, data="e" * 16),
        key(CONFIG, model="n" * 16),
        key(CONFIG, data="m" * 16, model="d" * 16),
        key(CONFIG, numerics=2),
    }
    assert len(keys) == 5


def test_true_is_not_one():
    assert key({"a": True}) != key({"a": 1})


def test_unused_groups_leave_the_key_alone():
    plain, other = (without_unused_groups(changed("window.size", size), False) for size in (30, 20))
    assert key(plain) == key(other)
    assert set(plain) == {"dataset", "model", "method", "train", "seed"}
    assert without_unused_groups(CONFIG, True) == CONFIG


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"train": {"lr": float("nan")}}, r"train\.lr=nan must be a finite number"),
        ({"a": [1, {"b": float("inf")}]}, r"a\[1\]\.b=inf"),
        ({"a": {1: 2}}, "a has the key 1"),
        ({"a": {3, 4}}, "a={3, 4} is a set"),
    ],
)
def test_what_json_cannot_say_is_refused_by_name(config, message):
    with pytest.raises(ValueError, match=message):
        key(config)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def reversed_everywhere(value):
    if isinstance(value, dict):
        return {name: reversed_everywhere(value[name]) for name in reversed(value)}
    return [reversed_everywhere(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_key_order_never_matters(config):
    assert key(config) == key(reversed_everywhere(config))


@given(st.integers(-(2**53), 2**53), st.integers(-(2**53), 2**53))
def test_equal_numbers_and_only_those_share_a_key(one, other):
    assert key({"a": one}) == key({"a": float(one)})
    assert (key({"a": one}) == key({"a": other})) == (one == other)
