import pytest

from medloc.curriculum import curriculum_from
from tests.curriculum.configs import config

STATE = {"tau": 0.45, "unit": "step", "size": 3, "entries": [[0.1, 0.2], [0.3, 0.4]]}


def test_state_dict_holds_what_it_must_and_no_more():
    curriculum = curriculum_from(config(size=3))
    curriculum.observe([[0.4, 0.2], [0.3, 0.1]])
    assert curriculum.state_dict() == {
        "tau": 0.3,
        "unit": "step",
        "size": 3,
        "entries": [[0.1, 0.2, 0.3, 0.4]],
    }


def test_a_state_is_taken_over():
    curriculum = curriculum_from(config(size=3))
    curriculum.load_state_dict(STATE)
    assert curriculum.tau == 0.45
    # .5 and .5 hit .45, the four others do not: r = 1/3
    assert curriculum.observe([[0.5, 0.5]]).mean_reward == 0.333333333


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"more": 1},
            r"has keys \['entries', 'more', 'size', 'tau', 'unit'\] but needs \['entries', 'size'",
        ),
        ({"tau": None}, r"^curriculum state tau=None must be a number in \[0\.3, 0\.8\]"),
        (
            {"tau": 0.2},
            r"^curriculum state tau=0\.2 must be a number in \[0\.3, 0\.8\]; it was written under another",
        ),
        ({"unit": "group"}, r"^curriculum state unit=group does not match window\.unit=step"),
        ({"size": 30}, r"^curriculum state size=30 does not match window\.size=3"),
        ({"entries": 3}, r"^curriculum state entries=3 must be a list"),
        ({"entries": [[0.1]] * 4}, r"entries=4 must be at most window\.size=3"),
        ({"entries": [[]]}, r"must not be empty"),
        ({"entries": [[1.5]]}, r"must be an IoU"),
    ],
)
def test_a_state_of_another_curriculum_is_refused_and_changes_nothing(change, message):
    curriculum = curriculum_from(config(size=3))
    before = curriculum.state_dict()
    with pytest.raises(ValueError, match=message) as caught:
        curriculum.load_state_dict(STATE | change)
    assert "; None" not in str(caught.value)
    assert curriculum.state_dict() == before


def test_a_state_that_is_no_mapping_is_shown_in_part():
    with pytest.raises(ValueError, match=r"^curriculum state x{80} is no mapping; the state is damaged"):
        curriculum_from(config()).load_state_dict("x" * 99)


def test_a_missing_key_is_listed():
    with pytest.raises(ValueError, match=r"has keys \['tau'\] but needs \['entries', 'size', 'tau', 'unit'\]"):
        curriculum_from(config()).load_state_dict({"tau": 0.3})
