import math

import pytest

from medloc.curriculum.window import Statistics, Window, WindowParams, checked_groups


def window(size, refresh="half", unit="step", groups=()):
    made = Window(WindowParams(size, refresh, unit))
    for group in groups:
        made.add([group])
    return made


def test_statistics_by_hand():
    # entries at tau .5: [.5, .4] -> 1/2, [.9, .7] -> 1, [.1, .2] -> 0
    # r = (.5 + 1 + 0) / 3 = .5; sigma = sqrt((0 + .25 + .25) / 3) = .408248290
    # m = (.45 + .80 + .15) / 3 - .5 = .466666667 - .5 = -.033333333
    held = window(3, groups=[[0.5, 0.4], [0.9, 0.7], [0.1, 0.2]])
    assert held.statistics(0.5) == Statistics(0.5, 0.40824829, -0.033333333)


def test_the_oldest_entry_leaves_a_full_window():
    held = window(2, groups=[[0.1], [0.6], [0.7]])
    assert held.entries == [[0.6], [0.7]]


def test_old_entries_are_scored_again_at_a_new_threshold():
    # at .5 both hit: r = 1; at .65 only the second: r = 1/2, sigma = 1/2, m = .65 - .65
    held = window(2, refresh="none", groups=[[0.6], [0.7]])
    assert held.statistics(0.5).mean_reward == 1.0
    assert held.statistics(0.65) == Statistics(0.5, 0.5, 0.0)


@pytest.mark.parametrize(
    ("size", "refresh", "left"),
    [
        (8, "half", 4),
        (7, "half", 4),  # floor(7/2) = 3 leave
        (8, "quarter", 6),
        (7, "quarter", 6),  # floor(7/4) = 1 leaves
        (3, "quarter", 3),  # floor(3/4) = 0 leave
        (1, "half", 1),
        (8, "full", 0),
        (8, "none", 8),
    ],
)
def test_a_raise_drops_the_oldest(size, refresh, left):
    groups = [[k / 10] for k in range(size)]
    held = window(size, refresh, groups=groups)
    held.drop_oldest()
    assert held.entries == groups[size - left :]
    assert held.full == (left == size)


def test_unit_step_is_one_entry_and_unit_group_one_per_group():
    groups = [[0.1, 0.9], [0.6, 0.6]]
    by_step, by_group = window(2, unit="step"), window(2, unit="group")
    by_step.add(groups)
    by_group.add(groups)
    assert by_step.entries == [[0.1, 0.6, 0.6, 0.9]]
    assert by_group.entries == [[0.1, 0.9], [0.6, 0.6]]


def test_of_more_groups_than_the_window_holds_the_last_stay():
    held = window(2, unit="group")
    held.add([[0.1], [0.2], [0.3]])
    assert held.entries == [[0.2], [0.3]]


def test_ious_are_rounded_to_six_decimals_on_entry():
    assert checked_groups([[0.12345649, 0.1234565001, 1]]) == [[0.123456, 0.123457, 1.0]]
    # float32 noise does not decide whether 0.7 reaches 0.7
    assert checked_groups([[0.699999988079071]]) == [[0.7]]


def test_minus_zero_is_written_as_zero():
    assert math.copysign(1.0, checked_groups([[-0.0, -1e-9]])[0][1]) == 1.0


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], r"^groups=\[\] must hold at least one group"),
        ([[]], r"^groups\[0\]=\[\] must not be empty"),
        ([[0.1], []], r"^groups\[1\]=\[\] must not be empty"),
        ([[0.1, 0.2], [0.3]], r"^groups\[1\]=<1 IoUs> must be as large as groups\[0\], which has 2"),
        ([[0.1, math.nan]], r"^groups\[0\]\[1\]=nan must be an IoU in \[0, 1\]"),
        ([[0.1], [math.inf]], r"^groups\[1\]\[0\]=inf must"),
        ([[-0.1]], r"^groups\[0\]\[0\]=-0\.1 must"),
        ([[1.000001]], r"^groups\[0\]\[0\]=1\.000001 must"),
        ([[None]], r"^groups\[0\]\[0\]=None must"),
        ([["0.5"]], r"^groups\[0\]\[0\]=0\.5 must"),
        ([[True]], r"^groups\[0\]\[0\]=True must"),
        ([[10**400]], r"^groups\[0\]\[0\]=1000"),
        ([0.5], r"^groups\[0\]=0\.5 must be a list of IoUs"),
    ],
)
def test_what_is_no_step_of_ious_is_refused(groups, message):
    with pytest.raises(ValueError, match=message) as caught:
        checked_groups(groups)
    assert "; None" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, "half", "step"), r"^window\.size=0 must be at least 1; the paper uses 30\.$"),
        ((2.5, "half", "step"), r"^window\.size=2\.5 must be a whole number"),
        ((True, "half", "step"), r"^window\.size=True must be a whole number"),
        ((30, "third", "step"), r"^window\.refresh=third must be one of half, quarter, full, none"),
        ((30, "half", "epoch"), r"^window\.unit=epoch must be one of step, group"),
    ],
)
def test_a_bad_parameter_is_named_with_its_key_and_value(values, message):
    with pytest.raises(ValueError, match=message) as caught:
        WindowParams(*values)
    assert "; None" not in str(caught.value)
