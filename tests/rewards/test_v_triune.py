import pytest

from medloc.boxes import Box
from medloc.rewards import Answer, Moment, reward_for

TRUTH = Box(0, 0, 10, 10)


def earned(preset, iou, progress):
    return reward_for("v_triune", preset)(Answer("", TRUTH, TRUTH, iou), Moment(None, progress))


@pytest.mark.parametrize(
    ("progress", "original", "matched"),
    [
        (0.0, 0.85, 0.3),
        (0.10, 0.85, 0.3),  # its code: step_ratio <= 0.10
        (0.1001, 0.95, 0.5),
        (0.25, 0.95, 0.5),  # and <= 0.25
        (0.2501, 0.99, 0.8),
        (0.999, 0.99, 0.8),
    ],
)
def test_the_threshold_rises_by_share_of_the_run(progress, original, matched):
    assert earned("original", original, progress) == original  # a hit earns its IoU
    assert earned("original", original - 1e-6, progress) == 0.0
    assert earned("matched", matched, progress) == 1.0  # a hit earns 1
    assert earned("matched", matched - 1e-6, progress) == 0.0


def test_a_hundred_steps():
    """Steps count from 0 here: 0-10 are the first stage, 11-25 the second, 26-99 the third."""
    stages = [reward_for("v_triune", "matched").threshold(step / 100) for step in range(100)]
    assert stages == [0.3] * 11 + [0.5] * 15 + [0.8] * 74
