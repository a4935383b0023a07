from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.report.tables.table import Number, marks, mean_text, once_if_equal, over_seeds


def test_hand_computed():
    # 90, 92, 97: mean 279/3 = 93; deviations -3, -1, 4; sum of squares 26; sd = sqrt(26/2) = 3.6055...
    assert mean_text((0.90, 0.92, 0.97)) == "93.00 ± 3.61 (3)"
    assert over_seeds((0.90, 0.92, 0.97)) == (pytest.approx(93), pytest.approx(13**0.5), 3)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((), "-"),
        ((0.0,), "0.00 (1)"),
        ((0.12345,), "12.35 (1)"),
        ((0.5, 0.5), "50.00 ± 0.00 (2)"),
        ((0.1, 0.2), "15.00 ± 7.07 (2)"),  # sd = 10 / sqrt(2)
    ],
)
def test_texts(values, text):
    assert mean_text(values) == text


def test_one_value_has_no_spread_and_none_no_mean():
    assert over_seeds((0.5,)) == (50, None, 1)
    assert over_seeds(()) == (None, None, 0)


def test_a_number_no_seed_moves_counts_once():
    assert mean_text(once_if_equal([0.25, 0.25, 0.25])) == "25.00 (1)"
    assert mean_text(once_if_equal([0.25, 0.75])) == "50.00 ± 35.36 (2)"
    assert once_if_equal([]) == ()


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_agrees_with_the_textbook(values):
    assert over_seeds(values) == (pytest.approx(100 * mean(values)), pytest.approx(100 * stdev(values)), len(values))


def test_differences_and_counts_as_printed():
    difference, count = Number("Δ", "difference", "heel", "a50"), Number("nv", "added", "heel", "test")
    assert difference._replace(mean=1.6, sd=0.2, n=3, stars="**").text == "+1.60** (3)"
    assert difference._replace(mean=-0.004, n=1).text == "-0.00 (1)"
    assert difference.text == count.text == "-"
    assert (count._replace(mean=0).text, count._replace(paper_mean=544).paper_text) == ("0", "544")


@pytest.mark.parametrize(
    ("means", "marked"),
    [
        ({"a": 1.0, "b": 3.0, "c": 2.0}, {"a": "", "b": "best", "c": "second"}),
        ({"a": 3.001, "b": 3.004, "c": 2.0}, {"a": "best", "b": "best", "c": "second"}),  # equal as printed
        ({"a": 3.0, "b": 2.0, "c": 2.0}, {"a": "best", "b": "second", "c": "second"}),
        ({"a": 3.0, "b": None}, {}),  # nothing to be better than
        ({}, {}),
    ],
)
def test_best_and_second_best(means, marked):
    assert marks(means) == marked
