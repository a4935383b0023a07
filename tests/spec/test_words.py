"""Equal settings are equal texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.spec.words import read_word, settings_of, word

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
    assert word(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-6", 1e-6), ("[0.10,0.05]", [0.1, 0.05]), ("[1e-05,2]", [1e-5, 2]), ("a: b", "a: b"), ("{", "{")],
)
def test_texts_are_read_as_hydra_reads_them(text, value):
    assert read_word(text) == value


@given(st.one_of(PLAIN, st.lists(PLAIN)))
def test_writing_and_reading_comes_back(value):
    assert read_word(word(value)) == value


def test_the_later_of_two_holds_and_other_words_are_refused():
    assert settings_of(["a.b=1", "a.b=2"]) == {"a.b": 2}
    with pytest.raises(ValueError, match=r"^smoke is not key=value\.$"):
        settings_of(["smoke"])
