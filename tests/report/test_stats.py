import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel

from medloc.report.stats import (
    EXACT_PAIRS,
    SAMPLED_PATTERNS,
    Interval,
    PairedTest,
    cluster_bootstrap,
    holm,
    paired_t_test,
    sample_sd,
    sd_ratio_interval,
    seed_differences,
    sign_flip_test,
    stars,
    t_interval,
)

probabilities = st.lists(st.floats(0, 1), max_size=12)
differences = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=2, max_size=8)


def test_one_value_has_no_spread_and_no_interval():
    assert sample_sd([]) is None
    assert sample_sd([0.7]) is None
    assert t_interval([]) is None
    assert t_interval([0.7]) is None


def test_mean_of_three_by_hand():
    # mean 4; squares 4 + 0 + 4 = 8, over N - 1 = 2 is 4, so sd 2; with 2 degrees of freedom
    # t = (2p - 1) / sqrt(2p(1 - p)) at p = 0.975 is 0.95 / sqrt(0.04875) = 4.302652730;
    # half width t * 2 / sqrt(3) = 4.968275423
    assert sample_sd([2, 4, 6]) == 2
    low, high = t_interval([2, 4, 6])
    assert low == pytest.approx(4 - 0.95 / math.sqrt(0.04875) * 2 / math.sqrt(3), rel=1e-12)
    assert high == pytest.approx(8.968275423, abs=1e-9)


def test_equal_values_give_an_interval_without_width():
    assert t_interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5)
    assert sample_sd([0.1, 0.1, 0.1]) == 0  # numpy alone says 1.7e-17


def test_equal_differences_are_equal_in_spite_of_floats():
    # 0.3 - 0.2 = 0.09999999999999998 and 0.2 - 0.1 = 0.1: without rounding t would be 1e16 and earn three stars
    assert paired_t_test({42: 0.3, 43: 0.2}, {42: 0.2, 43: 0.1}) == PairedTest(0.1, 2, None, None)


def test_only_seeds_of_both_sides_are_paired():
    assert seed_differences({44: 0.75, 42: 0.5, 7: 0.1}, {42: 0.25, 44: 0.5, 9: 0.2}) == {42: 0.25, 44: 0.25}


def test_paired_test_by_hand():
    # differences 1, 2, 3: mean 2, sd 1, t = 2 / (1 / sqrt(3)) = 3.4641016; with 2 degrees of freedom
    # p = 1 - t / sqrt(2 + t^2) = 1 - 3.4641016 / sqrt(14) = 0.0741799
    found = paired_t_test({42: 2.0, 43: 4.0, 44: 6.0}, {42: 1.0, 43: 2.0, 44: 3.0})
    assert found.difference == 2
    assert found.n == 3
    assert found.t == pytest.approx(2 * math.sqrt(3), rel=1e-12)
    assert found.p == pytest.approx(1 - math.sqrt(12 / 14), rel=1e-9)
    assert found.stars == ""


def test_paired_test_is_scipys():
    # differences .30 .32 .29: mean .9100 / 3 = .303333, sd .0152753, t = .303333 / (.0152753 / sqrt(3)) = 34.395,
    # beyond 31.599, where p with 2 degrees of freedom is .001
    first, second = {42: 0.95, 43: 0.94, 44: 0.96}, {44: 0.67, 43: 0.62, 42: 0.65}
    expected = ttest_rel([0.95, 0.94, 0.96], [0.65, 0.62, 0.67])
    found = paired_t_test(first, second)
    assert (found.t, found.p) == (expected.statistic, expected.pvalue)
    assert found.t == pytest.approx(34.395, abs=5e-4)
    assert found.stars == "***"


@pytest.mark.parametrize(
    ("p", "printed"),
    [(None, ""), (0.05, ""), (0.049, "*"), (0.01, "*"), (0.009, "**"), (0.001, "**"), (0.0009, "***")],
)
def test_stars_as_table_1_explains_them(p, printed):
    assert stars(p) == printed


def test_what_n_does_not_allow_is_no_test():
    assert paired_t_test({42: 1.0}, {43: 1.0}) is None
    assert paired_t_test({42: 1.0}, {42: 0.5}) == PairedTest(0.5, 1, None, None)
    assert paired_t_test({42: 1.0, 43: 0.5}, {42: 0.5, 43: 0.0}) == PairedTest(0.5, 2, None, None)
    assert sign_flip_test([]) is None
    assert sign_flip_test([0.3]) is None


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([3, 2], 2 / 4),  # sums 5, 1, -1, -5
        ([1, 2, 3], 2 / 8),  # only +++ and --- reach 6
        ([1, 2, -3], 1.0),  # the sum is 0
        ([3, 2, -1], 4 / 8),  # sums 6 4 2 0 0 -2 -4 -6: 6, 4, -4, -6 are as large as 4
        ([1, 1, 1, 1, 1], 2 / 32),
    ],
)
def test_sign_flips_by_hand(values, p):
    assert sign_flip_test(values) == p


@given(differences)
def test_sign_flips_never_pass_their_floor(values):
    assert 2 / 2 ** len(values) - 1e-12 <= sign_flip_test(values) <= 1


@pytest.mark.parametrize("n", [EXACT_PAIRS + 1, 40])
def test_many_seeds_are_sampled_and_give_the_same_p_again(n):
    # counting all 2^40 patterns would never end
    rng = np.random.default_rng(0)
    clear, even, middling = rng.normal(1, 0.1, n), [1.0, -1.0] * n, rng.normal(0.1, 1, n)
    assert sign_flip_test(middling) == sign_flip_test(middling)
    found = sign_flip_test(clear)
    assert 0 < found <= 4 / SAMPLED_PATTERNS
    assert sign_flip_test(even) == pytest.approx(1, abs=0.01)


def test_a_sampled_sign_flip_agrees_with_the_t_test():
    values = np.random.default_rng(1).normal(0.3, 1, 60)
    assert sign_flip_test(values) == pytest.approx(ttest_1samp(values, 0).pvalue, abs=0.01)


def test_the_last_exact_number_of_seeds_reaches_its_floor():
    assert sign_flip_test([1.0] * EXACT_PAIRS) == 2 / 2**EXACT_PAIRS


def test_bootstrap_of_equal_differences_has_no_width():
    assert cluster_bootstrap([[0.25, 0.25, 0.25, 0.25]], ["a", "a", "b", "c"]) == Interval(0.25, 0.25)


def test_two_values_have_a_spread():
    # (1 - 2)^2 + (3 - 2)^2 = 2, over N - 1 = 1
    assert sample_sd([1.0, 3.0]) == pytest.approx(math.sqrt(2))


def test_differences_are_rounded_to_twelve_decimals():
    assert seed_differences({1: 0.5 + 4e-13, 2: 0.5 + 6e-13}, {1: 0.5, 2: 0.5}) == {1: 0.0, 2: 1e-12}


def test_one_patient_has_no_interval():
    assert cluster_bootstrap([[0.1, 0.2]], ["a", "a"]) is None


def test_whole_patients_are_drawn():
    # Two patients of two images each, differences +1 +1 and -1 -1. Drawing patients, the mean is -1, 0 or 1 with
    # probability 1/4, 1/2, 1/4, so both ends are reached; drawing images, five of sixteen means lie beyond 1/2.
    assert cluster_bootstrap([[1, 1, -1, -1]], ["a", "a", "b", "b"]) == Interval(-1, 1)
    assert cluster_bootstrap([[1, 0, 1, 0]], ["a", "a", "b", "b"]) == Interval(0.5, 0.5)


def test_seeds_are_averaged_before_images_are_drawn():
    assert cluster_bootstrap([[1, 0], [0, 1]], ["a", "b"]) == Interval(0.5, 0.5)


def test_patients_weigh_by_their_images():
    # One image of 1 and three of 0 in two patients: patient a alone gives 1, b alone 0, both 1/4. Never 1/2.
    found = {cluster_bootstrap([[1, 0, 0, 0]], ["a", "b", "b", "b"], resamples=1, seed=seed).low for seed in range(40)}
    assert found == {0.0, 0.25, 1.0}


def test_bootstrap_agrees_with_the_normal_error_on_many_images():
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 1, size=(1, 1500))
    low, high = cluster_bootstrap(values, range(1500))
    error = 1.96 * values.std() / math.sqrt(1500)
    assert low == pytest.approx(values.mean() - error, abs=0.005)
    assert high == pytest.approx(values.mean() + error, abs=0.005)
    assert (low, high) == cluster_bootstrap(values, range(1500), resamples=2000)
    # a quarter on either side is beyond 0.6745 standard errors
    low, high = cluster_bootstrap(values, range(1500), confidence=0.5)
    assert low == pytest.approx(values.mean() - 0.6745 * error / 1.96, abs=0.15 * error / 1.96)
    assert high == pytest.approx(values.mean() + 0.6745 * error / 1.96, abs=0.15 * error / 1.96)


def test_a_group_for_every_image():
    with pytest.raises(ValueError, match="groups=1 must be one per image, of which there are 2"):
        cluster_bootstrap([[0.1, 0.2]], ["a"])


def test_sd_ratio_by_hand():
    # sds 2 and 20: ratio 10; F(2, 2) has the 97.5 % quantile 39 and the 2.5 % quantile 1/39
    low, high = sd_ratio_interval([2, 4, 6], [20, 40, 60])
    assert low == pytest.approx(10 / math.sqrt(39), rel=1e-9)
    assert high == pytest.approx(10 * math.sqrt(39), rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [([1], [1, 2]), ([1, 2], []), ([1, 1], [1, 2]), ([1, 2], [3, 3])])
def test_no_spread_no_ratio(first, second):
    assert sd_ratio_interval(first, second) is None


def test_holm_by_hand():
    # sorted .01 .02 .03 .5: times 4, 3, 2, 1 = .04 .06 .06 .5
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06], rel=1e-12)
    # 3 * .4 is cut at 1, and what follows never falls below it
    assert holm([0.4, 0.5, 0.6]) == [1, 1, 1]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]
    assert holm([0.03, None, 0.01]) == [0.03, None, 0.02]  # of two tests, not of three


@given(probabilities)
def test_holm_lies_between_p_and_bonferroni(values):
    for p, adjusted in zip(values, holm(values), strict=True):
        assert p <= adjusted <= min(1, len(values) * p)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_holm_takes_probabilities(p):
    with pytest.raises(ValueError, match="must lie in"):
        holm([0.5, p])
