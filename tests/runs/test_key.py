"""The run key: equal for equal content, in whatever order and spelling, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.runs import run_key

IDENTITY = {"dataset.name": "ham10000", "seed": 42, "train.beta": 0.04, "schedule.deltas": [0.15, 0.1, 0.05]}


def key(identity, data="d" * 16, model="m" * 16, **more):
    return run_key(identity, data=data, model=model, **more)


def test_a_key_is_sixteen_hexadecimal_digits():
    assert len(key(IDENTITY)) == 16
    assert set(key(IDENTITY)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 43), ("train.beta", 0.05), ("schedule.deltas", [0.1, 0.15, 0.05]), ("dataset.name", None), ("new", 1)],
)
def test_another_value_is_another_run(name, value):
    assert key({**IDENTITY, name: value}) != key(IDENTITY)


@pytest.mark.parametrize(("name", "value"), [("seed", 42.0), ("schedule.deltas", (0.15, 0.1, 0.05))])
def test_another_spelling_is_the_same_run(name, value):
    assert key({**IDENTITY, name: value}) == key(IDENTITY)


def test_data_model_and_numerics_are_in_the_key():
    keys = {
        key(IDENTITY),
        key(IDENTITY, data="e" * 16),
        key(IDENTITY, model="n" * 16),
        key(IDENTITY, data="m" * 16, model="d" * 16),
        key(IDENTITY, numerics=2),
    }
    assert len(keys) == 5


def test_true_is_not_one():
    assert key({"a": True}) != key({"a": 1})


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        ({"train.lr": float("nan")}, r"train\.lr=nan must be a finite number"),
        ({"a": [1, float("inf")]}, r"a\[1\]=inf"),
        ({"a": {3, 4}}, "a={3, 4} is a set"),
    ],
)
def test_what_json_cannot_say_is_refused_by_name(identity, message):
    with pytest.raises(ValueError, match=message):
        key(identity)


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(), VALUES | st.lists(VALUES, max_size=3), max_size=5))
def test_key_order_never_matters(identity):
    assert key(identity) == key({name: identity[name] for name in reversed(identity)})


@given(st.integers(-(2**53), 2**53), st.integers(-(2**53), 2**53))
def test_equal_numbers_and_only_those_share_a_key(one, other):
    assert key({"a": one}) == key({"a": float(one)})
    assert (key({"a": one}) == key({"a": other})) == (one == other)
