import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from medloc.boxes import Box, iou, parse_box
from medloc.data.prompts import known_prompts
from medloc.models.family import AnswerGrid, qwen_grid
from medloc.models.tiny_qwen import MERGE, PATCH, tiny_processor

PROCESSOR = tiny_processor(known_prompts())


@pytest.mark.parametrize("size", [(600, 450), (300, 225), (128, 386), (1345, 261), (112, 112), (28, 28), (33, 190)])
def test_the_grid_is_the_one_the_processor_makes(size):
    made = PROCESSOR.image_processor(Image.new("RGB", size), return_tensors="pt")["image_grid_thw"][0].tolist()
    grid = qwen_grid(PROCESSOR.image_processor, *size)
    assert [grid.height, grid.width] == [made[1] * PATCH, made[2] * PATCH]
    assert grid.width % (PATCH * MERGE) == grid.height % (PATCH * MERGE) == 0


def test_an_answer_is_written_on_the_grid():
    # 600 x 450 is answered on 120 x 90: a fifth. (101, 55, 299, 250) / 5 = (20.2, 11, 59.8, 50), to even numbers:
    # 20, 12 (11 / 2 = 5.5 rounds to the even 6), 60, 50
    grid = AnswerGrid("resized", 120, 90, step=2)
    assert grid.text(Box(101, 55, 299, 250), 600, 450) == "[20, 12, 60, 50]"


@given(st.integers(30, 700), st.integers(30, 500), st.data())
def test_an_answer_comes_back_within_half_a_step(width, height, data):
    x0, y0 = data.draw(st.integers(0, width - 20)), data.draw(st.integers(0, height - 20))
    box = Box(x0, y0, data.draw(st.integers(x0 + 10, width)), data.draw(st.integers(y0 + 10, height)))
    grid = AnswerGrid("resized", 112, 98, step=2)
    back = grid.to_original(parse_box(grid.text(box, width, height)), width, height)
    for axis, (found, true) in enumerate(zip(back.as_list(), box.as_list(), strict=True)):
        half_a_step = (height / 98) if axis % 2 else (width / 112)  # 1 px of the grid, in pixels of the image
        assert abs(found - true) <= half_a_step + 1e-9


def test_a_fine_grid_loses_little():
    grid = AnswerGrid("resized", 588, 448)
    box = Box(100.4, 50.3, 401.7, 333.2)
    assert iou(grid.to_original(parse_box(grid.text(box, 600, 450)), 600, 450), box) > 0.99
