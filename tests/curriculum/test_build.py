import pytest
import yaml

from medloc.curriculum import curriculum_from
from medloc.spec.machine import CONF
from tests.curriculum.configs import CRITERIA, SCHEDULES, STRATEGIES, config


def without(settings, section, key):
    return settings | {section: {k: v for k, v in settings[section].items() if k != key}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            config(schedule__name="exponential"),
            r"^schedule\.name=exponential is not known; choose one of piecewise, linear",
        ),
        (
            config(schedule__delta0=0.2),
            r"^schedule\.delta0 is not known; schedule takes tau0, tau_target, deltas, bound",
        ),
        (without(config(), "schedule", "tau0"), r"^schedule\.tau0 is missing; schedule takes"),
        (without(config(), "window", "unit"), r"^window\.unit is missing; window takes size, refresh, unit"),
        (config(criteria__P=0.5), r"^criteria\.P is not known; criteria takes use_reward"),
        ({"schedule": {}}, r"^criteria is missing; a curriculum needs schedule, criteria, strategy, window"),
        (config(window__size=0), r"^window\.size=0 must be at least 1"),
    ],
)
def test_a_mistake_in_the_config_is_one_clear_line(settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        curriculum_from(settings)
    assert "\n" not in str(caught.value)


def test_further_sections_do_not_disturb():
    assert curriculum_from(config() | {"seed": 42}).tau == 0.3


def shipped(group, name):
    """An option as its file has it; tests/spec/test_conf.py composes every file."""
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", SCHEDULES)
def test_shipped_schedules_hold_the_papers_values(name):
    assert shipped("schedule", name) == {"name": name} | SCHEDULES[name]
    curriculum_from(config(name))


@pytest.mark.parametrize("name", CRITERIA)
def test_shipped_criteria_hold_the_papers_values(name):
    assert shipped("criteria", name) == config(criteria=name)["criteria"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_shipped_strategies_hold_the_papers_values(name):
    """Appendix B."""
    assert shipped("strategy", name) == STRATEGIES[name]


def test_the_shipped_window_is_the_papers():
    assert shipped("window", "default") == {"size": 30, "refresh": "half", "unit": "step"}
