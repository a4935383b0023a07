import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from medloc.boxes import Box
from medloc.data.formats.masks import Mask, choose_boxes, foreground, measure, read_mask

TWO = np.zeros((6, 10), dtype=bool)
TWO[1:3, 1:4] = True  # 3 x 2 = 6 px
TWO[4:6, 5:10] = True  # 5 x 2 = 10 px


def test_boxes_are_half_open_and_areas_counted():
    assert measure(TWO) == Mask(10, 6, (Box(1, 1, 4, 3), Box(5, 4, 10, 6)), (6, 10))


def test_pixels_that_touch_at_a_corner_are_one_component():
    assert len(measure(np.eye(4, dtype=bool)).boxes) == 1


@pytest.mark.parametrize(
    ("rule", "boxes"),
    [
        ("union", (Box(1, 1, 10, 6),)),
        ("largest", (Box(5, 4, 10, 6),)),
        ("single", ()),
        ("all", (Box(1, 1, 4, 3), Box(5, 4, 10, 6))),
    ],
)
def test_every_rule(rule, boxes):
    assert choose_boxes(measure(TWO), rule) == boxes


def test_single_keeps_one_component_and_nothing_keeps_an_empty_mask():
    one, none = measure(np.ones((4, 5), dtype=bool)), measure(np.zeros((4, 5), dtype=bool))
    assert choose_boxes(one, "single") == (Box(0, 0, 5, 4),)
    assert all(choose_boxes(none, rule) == () for rule in ("union", "largest", "single", "all"))


def test_unknown_rule_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"dataset\.boxes=biggest .* union, largest, single, all"):
        choose_boxes(measure(TWO), "biggest")


def test_jpeg_ringing_stays_out_and_0_1_masks_count():
    assert foreground(np.array([[0, 18, 127, 128, 255]], dtype=np.uint8)).tolist() == [[0, 0, 0, 1, 1]]
    assert foreground(np.array([[0, 1]], dtype=np.uint8)).tolist() == [[False, True]]
    assert not foreground(np.zeros((2, 2), dtype=np.uint8)).any()


def test_palette_mask_is_read_by_its_colours_not_its_indices(tmp_path):
    indices = (~TWO).astype(np.uint8)  # index 0 is white, as in 402 of HAM10000's masks
    image = Image.frombytes("P", (10, 6), indices.tobytes())
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "mask.png")
    assert np.asarray(Image.open(tmp_path / "mask.png"))[0, 0] == 1
    assert read_mask(tmp_path / "mask.png") == measure(TWO)


def test_a_file_that_does_not_open_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"broken\.png: this mask does not open"):
        read_mask(tmp_path / "broken.png")


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_union_box_is_the_tight_box_of_all_foreground(mask):
    boxes = choose_boxes(measure(mask), "union")
    ys, xs = np.nonzero(mask)
    assert boxes == ((Box(xs.min(), ys.min(), xs.max() + 1, ys.max() + 1),) if len(xs) else ())
    assert sum(measure(mask).areas) == mask.sum()
