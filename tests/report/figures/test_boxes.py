import numpy as np
import pytest
from PIL import Image

from medloc.boxes import Box
from medloc.report.figures.gallery import draw_boxes
from medloc.report.figures.style import PREDICTION, TRUTH


def pixels_of(path, color):
    """How many pixels of a picture have exactly this colour."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.asarray(Image.open(path).convert("RGB")) == wanted).all(axis=-1).sum())


@pytest.fixture
def image(tmp_path):
    def make(name="image.png", size=(60, 40), mode="L"):
        Image.new(mode, size, 128).save(tmp_path / name)
        return tmp_path / name

    return make


def test_truth_and_prediction_are_both_drawn(tmp_path, image):
    item = (image(), Box(5, 5, 30, 30), Box(20, 10, 50, 35), 0.2)
    draw_boxes([item], tmp_path / "both.png", "title")
    draw_boxes([(*item[:2], None, 0.0)], tmp_path / "truth.png", "title")
    both, truth = tmp_path / "both.png", tmp_path / "truth.png"
    assert pixels_of(both, TRUTH) > 300
    # the legend alone is drawn where there is no predicted box
    assert pixels_of(both, PREDICTION) > 2 * pixels_of(truth, PREDICTION) > 0


@pytest.mark.parametrize("count", [1, 6])
def test_any_number_and_kind_of_images(tmp_path, image, count):
    kinds = [((60, 40), "L"), ((40, 90), "RGB"), ((30, 30), "P")]
    items = [(image(f"{i}.png", *kinds[i % 3]), Box(1, 1, 20, 20), Box(-5, 3, 500, 2), 0.0) for i in range(count)]
    for name in ("one.png", "two.png"):
        draw_boxes(items, tmp_path / name, "a title")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_nothing_to_draw_says_so(tmp_path):
    with pytest.raises(ValueError, match="no image to draw"):
        draw_boxes([], tmp_path / "none.png", "title")
