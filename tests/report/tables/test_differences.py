import math

import pytest

from medloc.report.paper import paper_table
from medloc.report.tables.build import compare
from medloc.report.tables.listing import Pair

PAIR = Pair("MedLoc-R1-3B piecewise", "VLM-R1-3B", "Δ (MedLoc-VLM)", "MedLoc-VLM")
RAW = Pair("MedLoc-R1-3B piecewise", "Raw-IoU-3B", "Δ (MedLoc-RawIoU)", "MedLoc-RawIoU")


def compared(values, *pairs, metrics=("a50",), dataset="heel"):
    return [one for one in compare(values, "table1", pairs, metrics, paper_table(1)) if one.dataset == dataset]


def test_hand_computed_to_the_last_digit(values, three_seeds):
    # differences 1, 2, 3 points: mean 2, sd 1, t = 2 sqrt(3); for two degrees of freedom p = 1 - t / sqrt(t^2 + 2)
    found = values(*three_seeds(), *three_seeds("vlm_r1", a50=(0.89, 0.90, 0.94)))
    (one,) = compared(found, PAIR)
    assert (one.mean, one.sd, one.n) == (pytest.approx(2), pytest.approx(1), 3)
    p = 1 - math.sqrt(12 / 14)
    assert one.p == pytest.approx(p, rel=1e-9)
    assert one.stars == ""
    # half width of the interval: t(0.975, 2) = 4.302653 times 1 / sqrt(3)
    assert (one.t_low, one.t_high) == pytest.approx((2 - 4.302652730 / math.sqrt(3), 2 + 4.302652730 / math.sqrt(3)))
    # of the 8 patterns of signs only +++ and --- reach |mean| 2
    assert one.p_sign_flip == pytest.approx(0.25)
    assert one.p_holm == one.p
    assert (one.paper_mean, one.paper_stars) == (27.40, "***")


def test_holm_counts_every_test_of_the_table(values, three_seeds):
    found = values(
        *three_seeds(),
        *three_seeds("vlm_r1", a50=(0.89, 0.90, 0.94)),
        *three_seeds("raw_iou", a50=(0.60, 0.61, 0.65), a80=(0.10, 0.19, 0.31)),
    )
    pairs = compared(found, PAIR, RAW, metrics=("a50", "a80", "map"))
    tested = [one for one in pairs if one.p is not None]
    # A@0.8 against VLM and mAP against both never differ: no test, no place in the family
    assert len(pairs) == 6
    assert len(tested) == 3
    smallest = min(tested, key=lambda one: one.p)
    assert smallest.p_holm == pytest.approx(3 * smallest.p)
    assert all(one.p_holm >= one.p for one in tested)
    assert {one.p_holm for one in pairs if one.p is None} == {None}


def test_only_seeds_of_both_rows_are_paired(values, fabricate):
    found = values(
        *[fabricate(seed=s, a50=0.9) for s in (42, 43)], *[fabricate("vlm_r1", seed=s, a50=0.5) for s in (43, 44)]
    )
    (one,) = compared(found, PAIR)
    assert (one.n, one.mean) == (1, pytest.approx(40))
    # one seed has no interval and no test
    assert (one.p, one.t_low, one.t_high, one.p_sign_flip, one.p_holm, one.sd) == (None,) * 6


def test_nothing_in_common_is_nothing(values, fabricate):
    (one,) = compared(values(fabricate(seed=42), fabricate("vlm_r1", seed=43)), PAIR)
    assert (one.text, one.image_difference) == ("-", None)


def test_images_are_paired_over_seeds_and_resampled_by_lesion(values, fabricate, answered):
    # Hits at 0.5. Seed 42: ours 1 1 0 1, theirs 1 0 0 0 -> 0 1 0 1. Seed 43: ours 1 1 1 1, theirs the same -> 0 0 0 0.
    # Mean over seeds 0 .5 0 .5: 25 points over 4 images of 2 lesions; each lesion's own mean is 25, whichever is drawn.
    runs = {(name, seed): fabricate(name, seed=seed) for name in ("medloc", "vlm_r1") for seed in (42, 43)}
    answered(runs["medloc", 42], [0.9, 0.9, 0.1, 0.9])
    answered(runs["vlm_r1", 42], [0.9, 0.1, 0.1, 0.1])
    answered(runs["medloc", 43], [0.9] * 4)
    answered(runs["vlm_r1", 43], [0.9] * 4)
    (one,) = compared(values(*runs.values()), PAIR)
    assert one.image_difference == pytest.approx(25)
    assert (one.image_low, one.image_high) == pytest.approx((25, 25))
    assert (one.images, one.image_groups) == (4, 2)


def test_runs_on_other_images_are_not_paired(values, fabricate, answered):
    ours, theirs = fabricate(), fabricate("vlm_r1")
    answered(ours, [0.9, 0.9])
    answered(theirs, [0.9, 0.9, 0.9])
    (one,) = compared(values(ours, theirs), PAIR)
    assert one.image_difference is None


def test_one_lesion_has_no_interval(values, fabricate, answered):
    ours, theirs = fabricate(), fabricate("vlm_r1")
    answered(ours, [0.9, 0.9])
    answered(theirs, [0.9, 0.1])
    (one,) = compared(values(ours, theirs), PAIR)
    assert (one.image_difference, one.image_low, one.image_high) == (pytest.approx(50), None, None)
