import numpy as np
import pytest

from medloc.models.tiny.shapes import AREA, TILE, draw_item


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_items_have_a_visible_box_inside_the_image(difficulty):
    for index in range(60):
        item = draw_item(np.random.default_rng((1, index)), difficulty)
        width, height = item.image.size
        assert width % TILE == height % TILE == 0
        assert width * height <= AREA
        assert 0 <= item.box.x0 < item.box.x1 <= width
        assert 0 <= item.box.y0 < item.box.y1 <= height


def test_an_easy_item_is_brightest_exactly_inside_its_box():
    for index in range(30):
        item = draw_item(np.random.default_rng((2, index)), 0.0)
        gray = np.asarray(item.image.convert("L")).astype(int)
        bright = gray > (gray.max() + gray.min()) / 2
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert found == item.box.as_list()


def test_the_same_seed_draws_the_same_item():
    a, b = (draw_item(np.random.default_rng(5), 0.8) for _ in range(2))
    assert a.box == b.box
    assert a.image.tobytes() == b.image.tobytes()
