import pytest

from medloc.boxes import Box, iou
from medloc.data.box_baselines import best_constant_box, constant_box_ious, median_box
from tests.data.helpers import example

BOXES = (Box(10, 10, 30, 40), Box(20, 20, 60, 60), Box(0, 0, 100, 80))
EXAMPLES = [example(str(i), box=box) for i, box in enumerate(BOXES)]  # images of 100 x 80 px


def test_median_box_takes_the_median_of_each_edge():
    assert median_box(EXAMPLES) == Box(0.10, 0.125, 0.60, 0.75)


def test_ious_agree_with_the_one_iou_of_the_project():
    box = Box(0.1, 0.1, 0.5, 0.6)
    assert constant_box_ious(box, EXAMPLES) == pytest.approx([iou(box.scaled(100, 80), truth) for truth in BOXES])


def test_the_best_box_meets_the_majority():
    cluster = [example(str(i), box=Box(40 + i, 20, 80 + i, 60)) for i in range(5)]
    others = [example("x", box=Box(0, 0, 12, 9)), example("y", box=Box(0, 0, 100, 80))]
    ious = constant_box_ious(best_constant_box(cluster + others), cluster + others)
    assert sum(value >= 0.5 for value in ious) >= 5


def test_identical_boxes_are_met_even_at_a_high_threshold():
    same = [example(str(i), box=Box(30, 20, 70, 60)) for i in range(4)]
    assert min(constant_box_ious(best_constant_box(same, threshold=0.8), same)) >= 0.8
