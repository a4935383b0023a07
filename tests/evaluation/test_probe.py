import pytest

from medloc.boxes import Box, ParseFailure
from medloc.evaluation.probe import advise, failures, histogram
from medloc.rewards import Answer


def test_the_histogram_has_ten_bins_and_one_is_in_the_last():
    assert histogram([0.0, 0.099999, 0.1, 0.3, 0.7, 0.95, 1.0]) == [2, 1, 0, 1, 0, 0, 0, 1, 0, 2]


def test_failures_are_counted_by_reason():
    truth = Box(0, 0, 1, 1)
    boxes = [truth, ParseFailure("no bracket"), ParseFailure("no bracket"), ParseFailure("bracket not closed")]
    assert failures([Answer("", box, truth, 0.0) for box in boxes]) == {"no bracket": 2, "bracket not closed": 1}


def test_tau_begins_where_most_groups_hold_hits_and_misses():
    # at 0.3 all hit; from 0.45 to 0.60 every group is mixed, and the highest of equals is taken
    groups = [[0.4, 0.6]] * 50
    advice = advise(groups, default=0.3)
    assert advice.tau0 == 0.6
    assert "100 % of the groups teach there, 0 % at 0.3 (0 % all-miss, 100 % all-hit); N = 50" in advice.reason


def test_the_default_stays_where_nothing_is_better_beyond_noise():
    # 0.3: 24 of 50 mixed; 0.35 and up: 26 of 50; two groups of fifty are noise
    groups = [[0.1, 0.9]] * 24 + [[0.32, 0.9]] * 2 + [[0.9, 0.9]] * 24
    assert advise(groups, default=0.3).tau0 == 0.3


def test_far_too_hard_a_threshold_is_lowered():
    advice = advise([[0.05, 0.2]] * 40, default=0.3)
    assert advice.tau0 == pytest.approx(0.2)
    assert "100 % all-miss" in advice.reason


def test_where_no_threshold_teaches_none_is_advised():
    advice = advise([[0.7, 0.7]] * 40, default=0.3)
    assert advice.tau0 is None
    assert "train.temperature" in advice.reason
