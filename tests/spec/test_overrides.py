"""Equal values are equal texts, read back by Hydra's own grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.spec.overrides import override_texts, read_overrides, value_text

PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False)
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.10, "0.1"),
        (1.0, "1"),
        (1, "1"),
        (None, "null"),
        (True, "true"),
        ([0.10, 0.05, 1.0], "[0.1,0.05,1]"),
        ("half", "half"),
        (1e-6, "1e-06"),
    ],
)
def test_a_value_has_one_text(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("[0.10,0.05]", [0.1, 0.05]),
        ("[1e-05,2]", [1e-5, 2]),
        ("null", None),
        ("/data/a b", "/data/a b"),
    ],
)
def test_texts_are_read_as_hydra_reads_them(text, value):
    assert read_overrides([f"key={text}"]) == {"key": value}


@given(st.one_of(PLAIN, st.lists(PLAIN)))
def test_writing_and_reading_comes_back(value):
    assert read_overrides(override_texts({"key": value})) == {"key": value}


def test_the_later_of_two_holds_and_other_words_are_refused():
    assert read_overrides(["a.b=1", "a.b=2"]) == {"a.b": 2}
    with pytest.raises(ValueError, match=r"^smoke: "):
        read_overrides(["smoke"])
