import pytest

from medloc.curriculum.criteria import Criteria, Held
from tests.curriculum.configs import CRITERIA

FULL = Criteria(True, True, True, 0.10)


def test_all_three_bounds_are_inclusive():
    assert FULL.check(mean=0.80, std=0.20, surplus=0.10, P=0.80, S=0.20) == Held(True, True, True)


@pytest.mark.parametrize(
    ("mean", "std", "surplus", "held"),
    [
        (0.799999999, 0.20, 0.10, Held(False, True, True)),
        (0.80, 0.200000001, 0.10, Held(True, False, True)),
        (0.80, 0.20, 0.099999999, Held(True, True, False)),
    ],
)
def test_a_billionth_beyond_a_bound_fails_it(mean, std, surplus, held):
    assert FULL.check(mean, std, surplus, P=0.80, S=0.20) == held
    assert not FULL.satisfied(held)


@pytest.mark.parametrize("name", CRITERIA)
def test_only_the_conditions_in_use_count(name):
    reward, margin, stability = CRITERIA[name]
    criteria = Criteria(reward, margin, stability, 0.10)
    assert criteria.satisfied(Held(reward=reward, stability=stability, margin=margin))
    assert criteria.satisfied(Held(reward=False, stability=True, margin=True)) is not reward
    assert criteria.satisfied(Held(reward=True, stability=False, margin=True)) is not stability
    assert criteria.satisfied(Held(reward=True, stability=True, margin=False)) is not margin


def test_at_least_one_condition_must_be_asked_for():
    with pytest.raises(ValueError, match=r"^criteria\.use_reward=False must not be false together .*; turn one of"):
        Criteria(False, False, False, 0.10)


@pytest.mark.parametrize("margin", [2, -1.5, float("nan"), "0.1", None])
def test_margin_must_be_a_difference_of_ious(margin):
    with pytest.raises(ValueError, match=r"^criteria\.margin=.* must be a number in \[-1, 1\]; the paper"):
        Criteria(True, True, True, margin)


def test_a_switch_must_be_true_or_false():
    with pytest.raises(ValueError, match=r"^criteria\.use_margin=1 must be true or false; pick one\.$"):
        Criteria(True, 1, True, 0.1)
