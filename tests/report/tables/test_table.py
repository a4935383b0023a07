from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.report.tables.table import Cell, Count, Delta, fixed_cell, marks


def test_hand_computed():
    # 90, 92, 97: mean 279/3 = 93; deviations -3, -1, 4; sum of squares 26; sd = sqrt(26/2) = 3.6055...
    cell = Cell((0.90, 0.92, 0.97))
    assert str(cell) == "93.00 ± 3.61 (3)"
    assert cell.sd == pytest.approx(13**0.5)


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
    assert str(Cell(values)) == text


def test_one_value_has_no_spread_and_none_no_mean():
    assert Cell((0.5,)).sd is None
    assert Cell().mean is None


def test_a_number_no_seed_moves_counts_once():
    assert str(fixed_cell([0.25, 0.25, 0.25])) == "25.00 (1)"
    assert str(fixed_cell([0.25, 0.75])) == "50.00 ± 35.36 (2)"
    assert str(fixed_cell([])) == "-"


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_agrees_with_the_textbook(values):
    cell = Cell(tuple(values))
    assert cell.mean == pytest.approx(100 * mean(values))
    assert cell.sd == pytest.approx(100 * stdev(values))


def test_differences_and_counts_as_printed():
    assert str(Delta(1.6, 0.2, 3, "**")) == "+1.60** (3)"
    assert str(Delta(-0.004, None, 1)) == "-0.00 (1)"
    assert str(Delta()) == str(Count()) == "-"
    assert str(Count(0)) == "0"


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
