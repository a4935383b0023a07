import math
from dataclasses import asdict
from itertools import pairwise

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError

from medloc.curriculum import SCHEDULES, config_keys, next_tau
from medloc.curriculum.criteria import Criteria, Strategy
from medloc.curriculum.schedule import Cosine, Fixed, Identical, Linear, Median, Piecewise
from medloc.curriculum.window import WindowParams
from tests.curriculum.configs import config

PIECEWISE = Piecewise(0.3, 0.8, (0.15, 0.10, 0.05), (0.55, 0.75))


def path(schedule, raises):
    taus = [schedule.tau0]
    for _ in range(raises):
        taus.append(next_tau(taus[-1], schedule))
    return taus


@pytest.mark.parametrize(
    ("tau", "delta"),
    [(0.3, 0.15), (0.5499, 0.15), (0.55, 0.10), (0.6, 0.10), (0.7499, 0.10), (0.75, 0.05), (0.8, 0.05)],
)
def test_piecewise_steps_by_stage_and_a_boundary_belongs_to_the_later_one(tau, delta):
    assert PIECEWISE.step_size(tau) == pytest.approx(delta, abs=1e-12)


def test_the_papers_path():
    # .30 + .15 = .45, + .15 = .60, + .10 = .70, + .10 = .80, then the target holds
    assert path(PIECEWISE, 5) == [0.3, 0.45, 0.6, 0.7, 0.8, 0.8]


def test_piecewise_last_step_is_cut_at_the_target():
    # .79 is in the third stage: .79 + .05 = .84, cut to .80
    assert next_tau(0.79, PIECEWISE) == 0.8


def test_linear_path():
    # delta(.2) = .2 * (1 - 0) = .2 -> .4; delta(.4) = .2 * (1 - .2/.6) = .133333333 -> .533333333
    assert path(Linear(0.2, 0.8, 0.2), 2) == [0.2, 0.4, 0.533333333]


def test_cosine_path():
    # delta(.2) = .1 * (1 + cos 0) = .2 -> .4; delta(.4) = .1 * (1 + cos(pi / 3)) = .15 -> .55
    # delta(.55) = .1 * (1 + cos(pi * .35 / .6)) = .1 * (1 - .258819045) = .0741180955 -> .624118095
    assert path(Cosine(0.2, 0.8, 0.2), 3) == [0.2, 0.4, 0.55, 0.624118095]


def test_cosine_midpoint_is_half_the_first_step():
    assert Cosine(0.2, 0.8, 0.2).step_size(0.5) == pytest.approx(0.1)


@pytest.mark.parametrize("schedule", [Linear(0.2, 0.8, 0.2), Cosine(0.2, 0.8, 0.2)])
def test_decaying_schedules_approach_the_target_and_stop_below_or_on_it(schedule):
    taus = path(schedule, 500)
    assert all(a <= b <= 0.8 for a, b in pairwise(taus))
    # The cosine's step shrinks with the square of the way left, so that it is slower than the linear one.
    assert math.isclose(taus[-1], 0.8, abs_tol=2e-3)


def test_identical_path():
    assert path(Identical(0.3, 0.8, 0.25), 3) == [0.3, 0.55, 0.8, 0.8]


@pytest.mark.parametrize("tau", [0.5, 1 / 3, 2 / 3])
def test_fixed_never_moves_even_by_rounding(tau):
    assert path(Fixed(tau), 2) == [tau, tau, tau]
    assert Fixed(tau).step_size(tau) == Median(0.8, False).step_size(tau) == 0.0


def test_a_target_with_many_decimals_is_not_passed_by_rounding():
    assert path(Identical(0.3, 2 / 3, 0.2), 3)[-1] == 2 / 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Piecewise(0.9, 0.8, (0.15, 0.1, 0.05), (0.55, 0.75)), r"^schedule\.tau0=0\.9 must be below"),
        (
            lambda: Piecewise(0.3, 1.2, (0.15, 0.1, 0.05), (0.55, 0.75)),
            r"^schedule\.tau_target=1\.2 must be a number",
        ),
        (
            lambda: Piecewise(0.3, 0.8, (0.05, 0.1, 0.15), (0.55, 0.75)),
            r"^schedule\.deltas=\[0\.05, 0\.1, 0\.15\] must",
        ),
        (
            lambda: Piecewise(0.3, 0.8, (0.15, 0.1), (0.55, 0.75)),
            r"^schedule\.deltas=\[0\.15, 0\.1\] must be three",
        ),
        (lambda: Piecewise(0.3, 0.8, (0.15, 0.1, 0.0), (0.55, 0.75)), r"^schedule\.deltas=.* all above 0"),
        (
            lambda: Piecewise(0.3, 0.8, (0.15, 0.1, 0.05), (0.75, 0.55)),
            r"^schedule\.boundaries=\[0\.75, 0\.55\] must asc",
        ),
        (
            lambda: Piecewise(0.3, 0.8, (0.15, 0.1, 0.05), (0.5,)),
            r"^schedule\.boundaries=\[0\.5\] must be two",
        ),
        (lambda: Piecewise(0.3, 0.8, "abc", (0.5, 0.6)), r"^schedule\.deltas=abc must be a list of numbers"),
        (lambda: Piecewise(0.3, 0.8, (0.10, 0.15, 0.05), (0.5, 0.6)), r"^schedule\.deltas=\[0\.1, 0\.15, 0\.05\] must"),
        (lambda: Piecewise(0.3, 0.8, (1.5, 0.1, 0.05), (0.5, 0.6)), r"^schedule\.deltas\[0\]=1\.5 must be a number"),
        (lambda: Piecewise(0.3, 0.8, (0.15, 0.1, 0.05), (0.5, 1.5)), r"^schedule\.boundaries\[1\]=1\.5 must be a"),
        (lambda: Linear(1.5, 0.8, 0.2), r"^schedule\.tau0=1\.5 must be a number in \[0, 1\]"),
        (lambda: Linear(0.2, 0.8, 0.0), r"^schedule\.delta0=0\.0 must be a number in \(0, 1\]"),
        (lambda: Cosine(0.8, 0.8, 0.2), r"^schedule\.tau0=0\.8 must be below"),
        (lambda: Cosine(0.2, 0.8, math.nan), r"^schedule\.delta0=nan"),
        (lambda: Identical(0.3, 0.8, -0.1), r"^schedule\.delta=-0\.1"),
        (lambda: Identical(True, 0.8, 0.1), r"^schedule\.tau0=True"),
        (lambda: Fixed(1.5), r"^schedule\.tau=1\.5 must be a number in \[0, 1\]"),
    ],
)
def test_a_bad_parameter_is_named_with_its_key_and_value(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "; None" not in str(caught.value)


def test_every_schedule_of_the_config_is_known():
    assert set(SCHEDULES) == {"piecewise", "linear", "cosine", "identical", "fixed", "median"}


def test_a_schedule_is_listed_under_the_name_that_it_has_in_the_configuration():
    assert all(kind.name == name for name, kind in SCHEDULES.items())


@pytest.mark.parametrize("kind", [*SCHEDULES.values(), Criteria, Strategy, WindowParams])
def test_the_fields_are_the_configuration_keys_with_types_that_hydra_takes(kind):
    """The class is its own schema: Hydra types the values, overrides them, and builds the object."""
    name = getattr(kind, "name", None)
    section = "schedule" if name else {Criteria: "criteria", Strategy: "strategy", WindowParams: "window"}[kind]
    values = config(name or "piecewise")[section]
    typed = OmegaConf.merge(OmegaConf.structured(kind), values)
    for key, value in values.items():
        OmegaConf.update(typed, key, value)  # as an override on the command line
    made = OmegaConf.to_object(typed)
    assert type(made) is kind
    assert {key: value for key, value in asdict(made).items() if key != "name"} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key != "name"
    }
    assert set(config_keys(kind)) == set(values) - {"name"}
    with pytest.raises(ConfigKeyError):
        OmegaConf.merge(OmegaConf.structured(kind), {"another": 1})
