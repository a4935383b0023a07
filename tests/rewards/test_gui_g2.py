import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.boxes import Box
from medloc.rewards import Answer, Moment
from medloc.rewards.gui_g2 import gui_g2
from tests.strategies import boxes_with_area


def earned(box, truth):
    return gui_g2(Answer("", box, truth, 0.0), Moment(None, 0.0))


@pytest.mark.parametrize(
    ("box", "truth", "distance"),
    [
        (Box(0, 0, 4, 8), Box(0, 0, 4, 8), 0.0),
        # 6 to the right; sigma 2 both, S = 4: 1/8 * 36 / 4
        (Box(6, 0, 10, 8), Box(0, 0, 4, 8), 1.125),
        # same centre, twice as wide: sigma 4 and 2, S = (16 + 4) / 2 = 10: 1/2 ln(10 / (4 * 2)), nothing down
        (Box(0, 0, 8, 8), Box(2, 0, 6, 8), 0.5 * math.log(1.25)),
        # both: centres 3 apart across, sigma 4 and 2; 4 apart down, sigma 1 and 1: 9/80 + 1/2 ln 1.25 + 16/8
        (Box(1, 5, 9, 7), Box(0, 1, 4, 3), 9 / 80 + 0.5 * math.log(1.25) + 2.0),
    ],
)
def test_coverage_by_hand(box, truth, distance):
    assert earned(box, truth) == pytest.approx(math.exp(-distance), abs=1e-12)
    assert earned(truth, box) == pytest.approx(earned(box, truth), abs=1e-12)


def test_boxes_without_overlap_still_earn_and_the_nearer_more():
    truth = Box(0, 0, 4, 8)
    assert earned(Box(5, 0, 9, 8), truth) > earned(Box(7, 0, 11, 8), truth) > 0.0


@pytest.mark.parametrize("box", [Box(2, 0, 2, 8), Box(4, 8, 0, 0), Box(3, 3, 3, 3), Box(0, 8, 4, 0)])
def test_a_box_without_area_earns_nothing(box):
    assert earned(box, Box(0, 0, 4, 8)) == 0.0


@given(boxes_with_area(), boxes_with_area(), st.sampled_from([1.0, 0.25, 3.0]))
def test_it_is_the_matrix_formula_and_blind_to_the_scale_of_the_image(box, truth, scale):
    def gaussian(one):
        mean = np.array([(one.x0 + one.x1) / 2, (one.y0 + one.y1) / 2])
        return mean, np.diag([(0.5 * one.width) ** 2, (0.5 * one.height) ** 2])

    (mean, first), (true_mean, second) = gaussian(box), gaussian(truth)
    middle = (first + second) / 2
    offset = mean - true_mean
    distance = offset @ np.linalg.inv(middle) @ offset / 8 + 0.5 * np.log(
        np.linalg.det(middle) / np.sqrt(np.linalg.det(first) * np.linalg.det(second))
    )
    assert earned(box.scaled(scale, scale), truth.scaled(scale, scale)) == pytest.approx(np.exp(-distance), abs=1e-9)
