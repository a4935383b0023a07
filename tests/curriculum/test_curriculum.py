import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.curriculum import Curriculum, Decision, curriculum_from
from tests.curriculum.configs import config
from tests.strategies import curriculum_configs, ious_of_steps

GOOD = [[0.95, 0.95]]  # hits every threshold up to the target, margin .95 - .8 = .15


def fed(settings, steps) -> tuple[Curriculum, list[Decision]]:
    curriculum = curriculum_from(settings)
    return curriculum, [curriculum.observe(groups) for groups in steps]


def test_nothing_is_decided_before_the_window_is_full():
    curriculum, decisions = fed(config(size=3), [GOOD, GOOD])
    unknown = Decision(0.3, 0.3, None, None, None, 0.80, 0.20, 0.10, None, None, None, False, window_filled=2)
    assert decisions[-1] == unknown
    assert curriculum.tau == 0.3


def test_a_raise_by_hand():
    # both entries hit .3 twice: r = 1, sigma = 0, m = .95 - .3 = .65; .3 + .15 = .45
    curriculum, decisions = fed(config(size=2), [GOOD, GOOD])
    assert decisions[-1] == Decision(0.3, 0.45, 1.0, 0.0, 0.65, 0.80, 0.20, 0.10, True, True, True, True, 2)
    assert curriculum.tau == 0.45


def test_after_a_half_refresh_the_window_must_fill_again():
    # N = 4: raise at step 4, two entries stay, so the next raise comes at step 6, then 8, then 10
    curriculum, decisions = fed(config(size=4), [GOOD] * 14)
    assert [k for k, decision in enumerate(decisions, 1) if decision.updated] == [4, 6, 8, 10]
    assert [decision.tau for decision in decisions if decision.updated] == [0.45, 0.6, 0.7, 0.8]
    assert [decision.mean_reward is None for decision in decisions[:6]] == [
        True,
        True,
        True,
        False,
        True,
        False,
    ]
    # at the target the criterion holds on, nothing rises and nothing is dropped
    assert [decision.window_filled for decision in decisions[10:]] == [3, 4, 4, 4]
    assert decisions[-1].reward_held
    assert not decisions[-1].updated
    assert curriculum.tau == 0.8


@pytest.mark.parametrize(
    ("refresh", "raises"),
    [("half", [4, 6, 8]), ("quarter", [4, 5, 6, 7]), ("full", [4, 8]), ("none", [4, 5, 6, 7])],
)
def test_refresh_sets_the_pace(refresh, raises):
    _, decisions = fed(config(size=4, refresh=refresh), [GOOD] * 9)
    assert [k for k, decision in enumerate(decisions, 1) if decision.updated] == raises


def test_unit_group_checks_once_per_step_however_many_groups_it_brings():
    # 3 groups a step, N = 2: full at once, one raise a step
    _, decisions = fed(config(size=2, unit="group"), [GOOD * 3] * 2)
    assert [decision.tau for decision in decisions] == [0.45, 0.6]


def test_stability_holds_a_raise_back_in_groups_but_not_in_steps():
    # four groups all hit, one misses: r = .8; by group sigma = sqrt(.8 * .2) = .4 > .20;
    # by step there is one entry, sigma = 0
    step = [[0.9, 0.9]] * 4 + [[0.0, 0.0]]
    _, by_group = fed(config(size=5, unit="group"), [step])
    _, by_step = fed(config(size=1, unit="step"), [step])
    assert (by_group[0].mean_reward, by_group[0].reward_std, by_group[0].stability_held) == (0.8, 0.4, False)
    assert (by_group[0].updated, by_step[0].updated) == (False, True)
    # without the stability check the same step raises
    assert fed(config(criteria="no_stability", size=5, unit="group"), [step])[1][0].updated


def test_bounds_change_with_the_regime_of_tau():
    # r = .75: too little below .60, enough from .60 on; m = .95 * .75 - .6 = .1125
    step = [[0.95, 0.95, 0.95, 0.0]]
    assert not fed(config(size=1, schedule__tau0=0.5999), [step])[1][0].updated
    decision = fed(config(size=1, schedule__tau0=0.6), [step])[1][0]
    assert (decision.P, decision.S, decision.updated, decision.tau) == (0.75, 0.35, True, 0.7)


def test_a_criterion_met_exactly_is_met():
    # 4 of 5 hit: r = .8; m = (4 * .5 + 0) / 5 - .3 = .1; float sums of .1 and .8 must not decide
    assert fed(config(size=1), [[[0.5, 0.5, 0.5, 0.5, 0.0]]])[1][0].updated


def test_fixed_watches_but_never_rises_and_never_refreshes():
    curriculum, decisions = fed(config("fixed", size=2), [GOOD] * 5)
    assert [decision.window_filled for decision in decisions] == [1, 2, 2, 2, 2]
    assert decisions[-1].mean_reward == 1.0
    assert not any(decision.updated for decision in decisions)
    assert curriculum.tau == 0.5


def test_a_refused_step_leaves_no_trace():
    curriculum, _ = fed(config(size=2), [GOOD])
    before = curriculum.state_dict()
    with pytest.raises(ValueError, match="must be an IoU"):
        curriculum.observe([[0.5, float("nan")]])
    assert curriculum.state_dict() == before


@given(curriculum_configs(), ious_of_steps())
def test_tau_never_falls_and_never_passes_its_target(settings, steps):
    curriculum, decisions = fed(settings, steps)
    target = settings["schedule"].get("tau_target", settings["schedule"].get("tau"))
    taus = [decisions[0].tau_used] + [decision.tau for decision in decisions]
    assert taus == sorted(taus)
    assert taus[-1] <= target
    assert curriculum.tau == taus[-1]
    assert all(decision.updated == (decision.tau > decision.tau_used) for decision in decisions)


@given(curriculum_configs(), ious_of_steps())
def test_statistics_stay_in_range(settings, steps):
    for decision in fed(settings, steps)[1]:
        if decision.mean_reward is not None:
            assert 0.0 <= decision.mean_reward <= 1.0
            assert 0.0 <= decision.reward_std <= 0.5
            assert -1.0 <= decision.iou_margin <= 1.0


@given(curriculum_configs(), ious_of_steps(), st.randoms(use_true_random=False))
def test_the_order_inside_a_group_does_not_matter(settings, steps, draw):
    shuffled = [[draw.sample(group, len(group)) for group in groups] for groups in steps]
    assert fed(settings, steps)[1] == fed(settings, shuffled)[1]


@given(curriculum_configs(), ious_of_steps(), ious_of_steps())
def test_a_restored_state_goes_on_identically(settings, before, after):
    one, _ = fed(settings, before)
    other = curriculum_from(settings)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert other.state_dict() == one.state_dict()
    assert [one.observe(groups) for groups in after] == [other.observe(groups) for groups in after]
    assert other.state_dict() == one.state_dict()
