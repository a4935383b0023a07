import numpy as np
import pytest

from medloc.boxes import Box
from medloc.evaluation.metrics import Metrics
from medloc.evaluation.samples import Sample, write_samples
from medloc.report.image_ious import ImageIous, read_image_ious


def sample(number, iou):
    box = Box(1.0, 1.0, 5.0, 5.0)
    return Sample(f"i{number}", f"g{number // 2}", "nv", 8, 8, "pixels", 8, 8, box, "[1, 1, 5, 5]", box, None, iou)


def test_what_evaluation_writes_is_read_back(tmp_path):
    write_samples(tmp_path / "samples.jsonl", [sample(i, iou) for i, iou in enumerate((0.1, 0.55, 1.0))])
    found = read_image_ious(tmp_path / "samples.jsonl")
    assert (found.ids, found.groups) == (("i0", "i1", "i2"), ("g0", "g0", "g1"))
    assert found.ious.tolist() == [0.1, 0.55, 1.0]


@pytest.mark.parametrize("metric", ["a50", "a80", "map", "mean_iou"])
def test_the_mean_over_images_is_the_metric(metric):
    ious = [0.0, 0.5, 0.55, 0.7999, 0.8, 0.95, 1.0]
    images = ImageIous(tuple("abcdefg"), tuple("aabbccd"), np.array(ious))
    assert images.scores(metric).mean() == pytest.approx(Metrics.of(ious).as_dict()[metric])


def test_hand_computed_share_of_thresholds():
    # 0.55 reaches 0.50 and 0.55 of the ten; 0.95 all of them
    images = ImageIous(("a", "b"), ("a", "b"), np.array([0.55, 0.95]))
    assert images.scores("map").tolist() == [0.2, 1.0]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "a", "group": "g"}', '{"id": "a", "group": "g", "iou": "much"}', "7"]
)
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "samples.jsonl"
    path.write_text('{"id": "a", "group": "g", "iou": 0.5}\n' + line)
    with pytest.raises(ValueError, match=r"samples\.jsonl line 2: not a sample"):
        read_image_ious(path)


def test_an_impossible_overlap_is_refused(tmp_path):
    path = tmp_path / "samples.jsonl"
    path.write_text('{"id": "a", "group": "g", "iou": 1.5}\n')
    with pytest.raises(ValueError, match="does not lie in"):
        read_image_ious(path)
