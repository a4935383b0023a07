import pytest

from medloc.boxes import Box
from medloc.rewards import Answer, Moment
from medloc.rewards.progress import vision_r1

TRUTH = Box(0, 0, 100, 100)


def earned(giou, progress):
    """A box inside the true one, as wide, of its height times `giou`: IoU and GIoU are that share."""
    return vision_r1(Answer("", Box(0, 0, 100, 100 * giou), TRUTH, giou), Moment(None, progress))


@pytest.mark.parametrize(
    ("giou", "lenient", "strict"),
    [
        (0.49, 0.0, 0.0),
        (0.50, 0.50, 0.0),  # at a bound, GIoU itself: its code asks for below and above
        (0.60, 0.60, 0.0),
        (0.75, 0.75, 0.75),
        (0.76, 1.0, 0.76),
        (0.90, 1.0, 0.90),
        (0.91, 1.0, 1.0),
        (1.00, 1.0, 1.0),
    ],
)
def test_the_band_tightens_at_half_of_the_run(giou, lenient, strict):
    assert [earned(giou, progress) for progress in (0.0, 0.4999, 0.5, 0.999)] == [lenient, lenient, strict, strict]


def test_the_measure_is_giou_and_not_iou():
    # 100 x 60 and 60 x 100 from one corner: 3600 shared, 8400 of 10000 covered; IoU 3/7, GIoU 3/7 - 0.16 = 0.268571
    # 100 x 80 and 80 x 100: 6400 shared, 9600 covered; IoU 2/3, GIoU 2/3 - 0.04 = 0.626667
    def of(extent):
        return Answer("", Box(0, 0, 100, extent), Box(0, 0, extent, 100), 1.0)

    assert vision_r1(of(60), Moment(None, 0.0)) == 0.0
    assert vision_r1(of(80), Moment(None, 0.0)) == 0.626667
