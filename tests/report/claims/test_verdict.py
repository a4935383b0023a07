import math

import pytest

from medloc.report.claims import area, judge
from medloc.report.claims.read import ClaimList, Comparison, RowName

from .evidence import MadeUp, MadeUpImages, claim_of

T = 0.95 / math.sqrt(0.04875)  # the 97.5 % quantile of Student's t with 2 degrees of freedom, 4.302653
LISTED = ClaimList(
    versions={"V-Triune": ("V-Triune", "V-Triune matched")}, untrained=frozenset({"Start", "Large start"}), claims=()
)


def verdict(values, relation="greater", subject="Ours", compared="Theirs", **words):
    names = (RowName("table1", subject), compared and RowName("table1", compared))
    comparison = Comparison(relation, *names, "heel", words.pop("metric", "a50"), **words)
    claim = claim_of((comparison,), relation)
    return judge(claim, comparison, LISTED, values)


def ours(*differences, base=50):
    """Values whose paired differences, ours minus theirs, are these points."""
    theirs = [base, base + 7, base - 5][: len(differences)]
    return MadeUp({"Ours": [b + d for b, d in zip(theirs, differences, strict=True)], "Theirs": theirs})


def test_holds_with_the_whole_interval_on_the_claimed_side():
    # differences 10, 11, 12: mean 11, sd 1, half width t / √3 = 2.484; t of the mean 11√3 = 19.05
    found = verdict(ours(10, 11, 12))
    assert (found.word, found.n) == ("holds", 3)
    assert found.difference == pytest.approx(11)
    assert found.interval == pytest.approx((11 - T / math.sqrt(3), 11 + T / math.sqrt(3)))
    assert found.p == pytest.approx(1 - 11 * math.sqrt(3) / math.sqrt(2 + 3 * 121))


def test_fails_on_the_other_side():
    found = verdict(ours(-10, -11, -12))
    assert found.word == "fails"
    assert found.interval.high == pytest.approx(-11 + T / math.sqrt(3))


def test_undecided_where_the_interval_spans_it():
    # 1, 2, 3: mean 2, half width 2.484
    found = verdict(ours(1, 2, 3))
    assert (found.word, found.difference, found.n) == ("undecided", pytest.approx(2), 3)


def test_one_seed_has_a_difference_and_no_interval():
    found = verdict(ours(30))
    assert (found.word, found.n, found.interval, found.p) == ("undecided", 1, None, None)
    assert found.difference == pytest.approx(30)


@pytest.mark.parametrize(
    ("accuracies", "experiments"),
    [({}, ("table1",)), ({"Ours": [50]}, ("table1",)), ({"Theirs": [50]}, ("table1",))],
)
def test_missing_names_the_experiment_that_fills_it(accuracies, experiments):
    found = verdict(MadeUp(accuracies))
    assert (found.word, found.n, found.fills) == ("missing", 0, experiments)
    assert found.difference is None


def test_only_seeds_of_both_rows_count():
    values = MadeUp({"Ours": [60, 61, None], "Theirs": [None, 50, 55]})
    found = verdict(values)
    assert (found.n, found.difference) == (1, pytest.approx(11))
    found = verdict(MadeUp({"Ours": [60, None], "Theirs": [None, 50]}))
    assert (found.word, found.n, found.note) == ("undecided", 0, "no seed is common to both")


def test_equal_differences_decide_nothing():
    found = verdict(ours(5, 5, 5))
    assert (found.word, found.interval, found.p) == ("undecided", None, None)
    assert found.difference == pytest.approx(5)
    assert found.note.startswith("all differences are equal")


def test_rows_that_are_one_run():
    # a row is never greater than itself, but it is similar to itself and less than three points below itself
    found = verdict(ours(0, 0, 0))
    assert (found.word, found.note) == ("undecided", "the rows are equal at every seed")
    assert verdict(ours(0, 0, 0), margin=3.0).word == "fails"
    assert verdict(ours(0, 0, 0), margin=-3.0).word == "holds"
    assert verdict(ours(0, 0, 0), "similar", margin=3.0).word == "holds"


@pytest.mark.parametrize(
    ("margin", "word"),
    [(8.5, "holds"), (8.6, "undecided"), (13.4, "undecided"), (13.5, "fails"), (-3.0, "holds")],
)
def test_a_margin_moves_the_line(margin, word):
    # the interval is 8.516 to 13.484
    assert verdict(ours(10, 11, 12), margin=margin).word == word


@pytest.mark.parametrize(
    ("differences", "word"),
    [
        ((-0.5, 0, 0.5), "holds"),  # 0 ± 1.242
        ((0, 1, 2), "undecided"),  # 1 ± 2.484 reaches 3.484
        ((10, 11, 12), "fails"),  # 8.516 and above
        ((-10, -11, -12), "fails"),
        ((-20, 0, 20), "undecided"),
    ],
)
def test_similar_is_within_three_points(differences, word):
    found = verdict(ours(*differences), "similar", margin=3.0)
    assert (found.word, found.p) == (word, None)


def test_a_row_without_training_stands_at_every_seed():
    # differences 10, 11, 12 to one start of 40
    values = MadeUp({"Ours": [50, 51, 52], "Start": [40]})
    found = verdict(values, compared="Start")
    assert (found.word, found.n) == ("holds", 3)
    assert found.interval == pytest.approx((11 - T / math.sqrt(3), 11 + T / math.sqrt(3)))
    assert verdict(values, subject="Start", compared="Ours").word == "fails"


def test_two_rows_without_training_are_compared_by_images():
    # 40 patients, two images each; the large start finds all, the small none of the second images
    groups = tuple(f"patient {number // 2}" for number in range(80))
    pictures = {
        "Large start": {42: MadeUpImages([0.9] * 80, groups)},
        "Start": {42: MadeUpImages([0.9, 0.1] * 40, groups)},
    }
    values = MadeUp({"Large start": [100], "Start": [50]}, pictures=pictures)
    found = verdict(values, subject="Large start", compared="Start")
    # every patient's difference is the same, so whole patients leave no spread
    assert (found.word, found.interval, found.n) == ("holds", (50, 50), 1)
    assert "test images" in found.note
    assert verdict(MadeUp({"Large start": [100], "Start": [50]}), subject="Large start", compared="Start").word == (
        "undecided"
    )


def test_images_in_another_order_are_not_paired():
    pictures = {
        "Large start": {42: MadeUpImages([0.9, 0.9], ids=("a", "b"))},
        "Start": {42: MadeUpImages([0.1, 0.9], ids=("b", "a"))},
    }
    values = MadeUp({"Large start": [100], "Start": [50]}, pictures=pictures)
    found = verdict(values, subject="Large start", compared="Start")
    assert (found.word, found.interval, found.difference) == ("undecided", None, pytest.approx(50))


def test_v_triune_is_judged_by_its_stronger_preset():
    values = MadeUp({"Ours": [50, 51, 52], "V-Triune": [20, 21, 23], "V-Triune matched": [70, 72, 71]})
    found = verdict(values, compared="V-Triune")
    assert found.rows[1] == ("table1", "V-Triune matched")
    assert found.difference == pytest.approx(51 - 71)
    values.accuracies["V-Triune"] = [80, 82, 81]
    assert verdict(values, compared="V-Triune").rows[1].name == "V-Triune"
    # while one preset has not run, nobody knows which is the stronger
    del values.accuracies["V-Triune matched"]
    assert verdict(values, compared="V-Triune").word == "missing"


def test_a_larger_gain_compares_two_differences():
    # A@0.8: 20 - 10, 22 - 10, 24 - 10 = 10, 12, 14; A@0.5: 50 - 45 = 5 each; gains 5, 7, 9: mean 7, half width 4.968
    values = MadeUp(
        {
            "Ours": {"a80": [20, 22, 24], "a50": [50, 50, 50]},
            "Theirs": {"a80": [10, 10, 10], "a50": [45, 45, 45]},
        }
    )
    found = verdict(values, "larger gain", metric="a80", than_metric="a50")
    assert found.word == "holds"
    assert found.difference == pytest.approx(7)
    assert found.interval.low == pytest.approx(7 - 2 * T / math.sqrt(3))


def test_stronger_by_accuracy_where_gains_are_compared():
    values = MadeUp(
        {
            "Ours": {"a80": [20], "a50": [50]},
            "V-Triune": {"a80": [30], "a50": [60]},
            "V-Triune matched": {"a80": [10], "a50": [11]},  # nearer to its A@0.5, and weaker
        }
    )
    found = verdict(values, "larger gain", compared="V-Triune", metric="a80", than_metric="a50")
    assert found.rows[1].name == "V-Triune"


def test_area_under_a_curve():
    # (0.2 + 0.4) / 2 * 10 + (0.4 + 0.8) / 2 * 30 = 3 + 18, over 40 steps
    points = [{"step": 0, "a50": 0.2}, {"step": 40, "a50": 0.8}, {"step": 10, "a50": 0.4}]
    assert area(points, "a50") == pytest.approx(21 / 40)
    assert area(points[:1], "a50") is None
    assert area([], "a50") is None


def test_faster_is_more_area():
    # areas: ours 50, 55, 60; theirs 30 each; differences 20, 25, 30: mean 25, sd 5, half width 12.42
    curves = {
        "Ours": {42: [(0, 0.0), (10, 1.0)], 43: [(0, 0.1), (10, 1.0)], 44: [(0, 0.2), (10, 1.0)]},
        "Theirs": {seed: [(0, 0.0), (10, 0.6)] for seed in (42, 43, 44)},
    }
    values = MadeUp({"Ours": [1, 2, 3], "Theirs": [1, 2, 3]}, curves=curves)
    found = verdict(values, "faster")
    assert (found.word, found.difference) == ("holds", pytest.approx(25))
    assert found.interval.low == pytest.approx(25 - 5 * T / math.sqrt(3))
    values.curves["Ours"] = {}
    assert verdict(values, "faster").word == "missing"


def test_denser_by_reward_and_by_groups():
    traces = {
        "Ours": {42: {"reward": [0.2, 0.4, 0.6, 0.8], "dead": [0.5, 0.5, 0.5, 0.5]}},
        "Theirs": {42: {"reward": [0.0, 0.0, 0.2, 0.6], "dead": [1.0, 0.5, 0.0, 0.0]}},
    }
    values = MadeUp({"Ours": [1], "Theirs": [1]}, traces=traces)
    # means 0.5 - 0.2; over the first half (of four steps two) 0.3 - 0.0
    assert verdict(values, "denser", metric="reward").difference == pytest.approx(30)
    assert verdict(values, "denser", metric="reward", until=0.5).difference == pytest.approx(30)
    # shares of live groups 0.5 and 0.625; in the first quarter 0.5 and 0
    assert verdict(values, "denser", metric="live").difference == pytest.approx(-12.5)
    assert verdict(values, "denser", metric="live", until=0.25).difference == pytest.approx(50)
    values.traces["Theirs"] = {42: None}
    assert verdict(values, "denser", metric="reward").word == "missing"


def test_more_stable_by_the_f_distribution():
    # sds 1 and 10: ratio 10, divided and multiplied by √39 = 6.245
    values = MadeUp({"Ours": [50, 51, 52], "Theirs": [40, 50, 60]})
    found = verdict(values, "more stable")
    assert (found.word, found.difference, found.n) == ("holds", pytest.approx(10), 3)
    assert found.interval == pytest.approx((10 / math.sqrt(39), 10 * math.sqrt(39)))
    assert verdict(values, "more stable", subject="Theirs", compared="Ours").word == "fails"
    # a ratio of 5 is not enough with three seeds
    assert verdict(MadeUp({"Ours": [48, 50, 52], "Theirs": [40, 50, 60]}), "more stable").word == "undecided"


@pytest.mark.parametrize(("first", "second", "n"), [([50], [40, 60], 1), ([50, 50, 50], [40, 50, 60], 3)])
def test_stability_without_a_spread_is_undecided(first, second, n):
    found = verdict(MadeUp({"Ours": first, "Theirs": second}), "more stable")
    assert (found.word, found.n, found.interval) == ("undecided", n, None)


def test_failures_that_overlap_are_held_against_one_half():
    # of the answers below 0.5: 3 of 4, 4 of 5 and 17 of 20 overlap: 25, 30, 35 points above one half
    pictures = {
        42: MadeUpImages([0.9, 0.1, 0.2, 0.3, 0.0]),
        43: MadeUpImages([0.1, 0.2, 0.3, 0.4, 0.0]),
        44: MadeUpImages([0.1] * 17 + [0.0] * 3 + [0.5]),
    }
    values = MadeUp({"Ours": [1, 2, 3]}, pictures={"Ours": pictures})
    found = verdict(values, "overlapping", compared=None, metric="overlap")
    assert (found.word, found.n, found.difference) == ("holds", 3, pytest.approx(30))
    # a run without failures says nothing
    values.pictures = {"Ours": {42: MadeUpImages([0.9, 0.8])}}
    assert verdict(values, "overlapping", compared=None, metric="overlap").word == "missing"
