import json
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.curriculum import curriculum_from
from tests.curriculum.configs import config
from tests.strategies import ious_of_steps


def taus(steps, **changes):
    curriculum = curriculum_from(config("median", **changes))
    return [curriculum.observe(groups).tau for groups in steps]


def test_a_path_by_hand():
    # window of two steps; pooled: (.2 .4) -> .3; (.2 .4 .6 .8) -> .5; (.6 .8 .1 .1) -> (.1 + .6) / 2 = .35, kept at .5;
    # (.1 .1 1 1) -> (.1 + 1) / 2 = .55; (1 1 1 1) -> 1, which the target holds at .8
    steps = [[[0.2, 0.4]], [[0.6, 0.8]], [[0.1, 0.1]], [[1.0, 1.0]], [[1.0, 1.0]]]
    assert taus(steps, size=2) == [0.3, 0.5, 0.5, 0.55, 0.8]
    assert taus(steps, size=2, schedule__falls=True) == [0.3, 0.5, 0.35, 0.55, 0.8]


def test_half_of_the_answers_hit():
    curriculum = curriculum_from(config("median", size=1))
    curriculum.observe([[0.1, 0.2, 0.6, 0.7]])
    assert curriculum.tau == 0.4  # (.2 + .6) / 2
    assert curriculum.observe([[0.1, 0.2, 0.6, 0.7]]).mean_reward == 0.5


def test_a_rise_drops_nothing_whatever_the_refresh():
    for refresh in ("half", "full"):
        curriculum = curriculum_from(config("median", size=3, refresh=refresh))
        filled = [curriculum.observe([[0.1 * k, 0.1 * k]]).window_filled for k in range(1, 6)]
        assert filled == [1, 2, 3, 3, 3]
        assert curriculum.tau == 0.4  # of steps 3, 4 and 5


@pytest.mark.parametrize("falls", [False, True])
def test_criteria_are_reported_and_decide_nothing(falls):
    curriculum = curriculum_from(config("median", size=1, schedule__falls=falls))
    decision = curriculum.observe([[0.5, 0.5]])
    # at tau 0 both hit: r = 1 >= .80, sigma = 0, m = .5
    assert (decision.tau_used, decision.mean_reward, decision.reward_held, decision.updated) == (0.0, 1.0, True, True)
    decision = curriculum.observe([[0.6, 0.0]])  # r = .5 < .80; (.6 + 0) / 2 = .3
    assert (decision.reward_held, decision.updated, decision.tau) == (False, False, 0.3 if falls else 0.5)


@given(ious_of_steps(), st.integers(1, 5), st.booleans(), st.sampled_from(["step", "group"]))
def test_tau_is_the_median_of_the_last_entries(steps, size, falls, unit):
    entries, expected, tau = [], [], 0.0
    for groups in steps:
        entries += [[iou for group in groups for iou in group]] if unit == "step" else groups
        held = [round(iou, 6) for entry in entries[-size:] for iou in entry]
        now = min(0.8, round(median(held), 9))
        tau = now if falls else max(tau, now)
        expected.append(tau)
    assert taus(steps, size=size, unit=unit, schedule__falls=falls) == expected


@given(ious_of_steps(), ious_of_steps())
def test_a_restored_state_goes_on_identically_where_tau_falls(before, after):
    settings = config("median", size=3, schedule__falls=True)
    one, other = curriculum_from(settings), curriculum_from(settings)
    for groups in before:
        one.observe(groups)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert [one.observe(groups) for groups in after] == [other.observe(groups) for groups in after]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule__tau_target": 0.0}, r"schedule\.tau_target=0\.0 must be a number in \(0, 1\]"),
        ({"schedule__falls": "perhaps"}, r"schedule\.falls='?perhaps'? must be true or false"),
        ({"schedule__tau0": 0.3}, r"schedule\.tau0 is not known"),
    ],
)
def test_what_it_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        curriculum_from(config("median", **changes))
    assert "; None" not in str(caught.value)
