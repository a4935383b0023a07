"""What a segmentation network is taught."""

import numpy as np
import pytest
from PIL import Image

from medloc.boxes import Box
from medloc.data import load_dataset
from medloc.data.example import Example
from medloc.data.formats.masks import filled, target_mask
from tests.data.helpers import dataset_settings


def example(tmp_path, mask, box, size=(8, 4)):
    if mask is not None:
        Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255).save(tmp_path / "m.png")
    return Example("a", tmp_path / "a.png", *size, box, "", "", None if mask is None else tmp_path / "m.png")


def test_a_cell_is_foreground_if_more_than_half_of_it_is(tmp_path):
    mask = np.zeros((4, 8))
    mask[:, 2:4] = 1  # a cell is 2 px wide and 1 px high: the whole of the cells in column 1
    mask[:, 4] = 1  # half of those in column 2 ...
    mask[2, 5] = 1  # ... and the whole of one of them
    small = target_mask(example(tmp_path, mask, Box(2, 0, 6, 4)), 4)
    assert small.astype(int).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0]]


def test_components_outside_the_true_box_are_left_out(tmp_path):
    mask = np.ones((4, 8))
    small = target_mask(example(tmp_path, mask, Box(0, 0, 4, 4)), 4)
    assert small.astype(int).tolist() == [[1, 1, 0, 0]] * 4


def test_without_a_mask_the_filled_box_is_the_foreground(tmp_path):
    small = target_mask(example(tmp_path, None, Box(2, 1, 6, 3)), 4)
    assert small.astype(int).tolist() == [[0] * 4, [0, 1, 1, 0], [0, 1, 1, 0], [0] * 4]


def test_a_pixel_is_in_a_box_if_its_centre_is():
    # centres at 0.5, 1.5, 2.5, 3.5: [1.4, 2.5) holds 1.5 only
    assert filled(Box(1.4, 0, 2.5, 1), 4, 1).tolist() == [[False, True, False, False]]


@pytest.mark.parametrize(("name", "masked"), [("ham10000", True), ("tn3k", True), ("heel", False)])
def test_loaders_bring_the_masks_where_there_are_any(name, masked, tiny):
    data = load_dataset(dataset_settings(name), tiny)
    for each in (*data.train, *data.test, *data.calibration):
        assert (each.mask is not None and each.mask.is_file()) == masked
    if masked:  # a mask says what its box says, up to the cells of the grid
        one = data.train[0]
        small = target_mask(one, 56)
        rows, columns = np.nonzero(small)
        cell = one.width / 56, one.height / 56
        found = columns.min() * cell[0], rows.min() * cell[1], (columns.max() + 1) * cell[0], (rows.max() + 1) * cell[1]
        assert found == pytest.approx(one.box.as_list(), abs=1.5 * max(cell))


def test_a_mask_that_does_not_open_is_named(tmp_path):
    broken = example(tmp_path, np.ones((4, 8)), Box(0, 0, 8, 4))
    broken.mask.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"m\.png: this mask does not open"):
        target_mask(broken, 4)
