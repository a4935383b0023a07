import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import GotOcr2ImageProcessor, Qwen2VLImageProcessor
from transformers.models.got_ocr2.image_processing_got_ocr2 import get_optimal_tiled_canvas

from medloc.boxes import SPACES, AnswerGrid, Box, iou, parse_box
from medloc.data.prompts import known_prompts
from medloc.models.families import FAMILIES
from medloc.models.tiny.vlm import MERGE, PATCH, tiny_internvl_processor, tiny_processor
from medloc.models.vlm import qwen_grid, thousand_grid

PROCESSOR = tiny_processor(known_prompts())
TILES = tiny_internvl_processor(known_prompts()).image_processor
PUBLISHED_TILES = GotOcr2ImageProcessor(size={"height": 448, "width": 448}, crop_to_patches=True, max_patches=12)
SIZES = [(600, 450), (300, 225), (128, 386), (1345, 261), (112, 112), (28, 28), (33, 190), (28, 4000), (4000, 3000)]


@pytest.mark.parametrize("size", SIZES)
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


@given(st.integers(28, 4000), st.integers(28, 4000), st.sampled_from([1, 20]), st.data())
def test_an_answer_in_thousandths_comes_back_within_half_a_step(width, height, step, data):
    x0, y0 = data.draw(st.integers(0, width - 10)), data.draw(st.integers(0, height - 10))
    box = Box(x0, y0, data.draw(st.integers(x0 + 5, width)), data.draw(st.integers(y0 + 5, height)))
    grid = thousand_grid(TILES, width, height, step)
    answer = parse_box(grid.text(box, width, height))
    assert grid.space in SPACES
    assert all(0 <= value <= 1000 and value % step == 0 for value in answer.as_list())
    back = grid.to_original(answer, width, height)
    for axis, (found, true) in enumerate(zip(back.as_list(), box.as_list(), strict=True)):
        assert abs(found - true) <= (height if axis % 2 else width) * step / 2000 + 1e-9


def whole_image(processor, image):
    """What the model sees of an image, its tiles put together again, as brightness per px."""
    tiles = np.asarray(processor(image, return_tensors="np")["pixel_values"]).mean(1)
    columns, rows = (1, 1)
    if len(tiles) > 1:
        side = (processor.size["height"], processor.size["width"])
        columns, rows = get_optimal_tiled_canvas(image.size[::-1], side, processor.min_patches, processor.max_patches)
        assert len(tiles) == columns * rows + 1  # the last is a thumbnail of the whole
    lines = [np.concatenate(list(tiles[row * columns : (row + 1) * columns]), axis=1) for row in range(rows)]
    return np.concatenate(lines, axis=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("processor", [TILES, PUBLISHED_TILES], ids=["one tile", "up to twelve"])
def test_a_thousandth_of_the_answer_is_a_thousandth_of_what_internvl_sees(processor, size):
    width, height = size
    box = Box(width // 4, height // 7, width - width // 3, height - height // 5)
    image = Image.new("RGB", size)
    image.paste((255, 255, 255), tuple(map(int, box.as_list())))
    seen = whole_image(processor, image)
    bright = seen > (seen.max() + seen.min()) / 2
    columns, rows = np.flatnonzero(bright.any(0)), np.flatnonzero(bright.any(1))
    found = Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    thousandths = found.scaled(1000 / seen.shape[1], 1000 / seen.shape[0])
    answer = parse_box(thousand_grid(processor, width, height).text(box, width, height))
    for axis, (a, b) in enumerate(zip(thousandths.as_list(), answer.as_list(), strict=True)):
        pixel = 1000 / min(seen.shape[1 - axis % 2], size[axis % 2])  # of the image or of what is seen of it
        assert abs(a - b) <= pixel + 0.5


PUBLISHED = {  # as in the checkpoints' own files, bounded as the presets bound them
    "qwen2_5_vl": Qwen2VLImageProcessor(
        patch_size=14, merge_size=2, size={"shortest_edge": 3136, "longest_edge": 1003520}
    ),
    "qwen3_vl": Qwen2VLImageProcessor(
        patch_size=16, merge_size=2, size={"shortest_edge": 65536, "longest_edge": 1003520}
    ),
}


def seen_by_qwen(processor, image):
    """What the model sees of an image, its patches put together again, as brightness per px."""
    made = processor(image, return_tensors="np")
    (_, rows, columns), patch, merge = made["image_grid_thw"][0], processor.patch_size, processor.merge_size
    blocks = made["pixel_values"].reshape(rows // merge, columns // merge, merge, merge, 3, 2, patch, patch)
    plane = blocks.mean(4)[:, :, :, :, 0]  # over the colours, at the first of two equal times
    return plane.transpose(0, 2, 4, 1, 3, 5).reshape(rows * patch, columns * patch)


@pytest.mark.parametrize("size", [*SIZES, (4000, 28), (28, 5600), (4000, 4000)])
@pytest.mark.parametrize("name", PUBLISHED)
def test_an_answer_on_published_qwen_s_grid_is_where_the_model_sees_the_box(name, size):
    width, height = size
    processor, family = PUBLISHED[name], FAMILIES[name]
    box = Box(width // 4, height // 7, width - width // 3, height - height // 5)
    image = Image.new("RGB", size)
    image.paste((255, 255, 255), tuple(map(int, box.as_list())))
    seen = seen_by_qwen(processor, image)
    bright = seen > (seen.max() + seen.min()) / 2
    columns, rows = np.flatnonzero(bright.any(0)), np.flatnonzero(bright.any(1))
    found = Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    grid = family.grid(processor, width, height)
    assert grid.space == {"qwen2_5_vl": "resized", "qwen3_vl": "thousand"}[name]
    on_grid = found.scaled(grid.width / seen.shape[1], grid.height / seen.shape[0])
    answer = parse_box(grid.text(box, width, height))
    back = grid.to_original(answer, width, height)
    for axis, (a, b) in enumerate(zip(on_grid.as_list(), answer.as_list(), strict=True)):
        extent = (grid.width, grid.height)[axis % 2]
        pixel = extent / min(seen.shape[1 - axis % 2], size[axis % 2])  # of the image or of what is seen of it
        assert abs(a - b) <= pixel + 0.5
    for axis, (a, b) in enumerate(zip(back.as_list(), box.as_list(), strict=True)):
        assert abs(a - b) <= size[axis % 2] / (grid.width, grid.height)[axis % 2] / 2 + 1e-9


def test_a_ratio_that_no_qwen_takes_is_refused_in_words():
    with pytest.raises(ValueError, match="aspect ratio must be smaller than 200"):
        qwen_grid(PUBLISHED["qwen2_5_vl"], 20, 4001)


def test_qwen_s_bounds_are_those_that_transformers_sets_itself(tmp_path):
    PROCESSOR.image_processor.save_pretrained(tmp_path)
    theirs = Qwen2VLImageProcessor.from_pretrained(tmp_path, min_pixels=2000, max_pixels=5000)
    ours = Qwen2VLImageProcessor.from_pretrained(tmp_path)
    FAMILIES["qwen2_5_vl"].bound(ours, 2000, 5000)
    assert dict(ours.size) == dict(theirs.size)
    # 600 x 450 within 5000 px in multiples of 14: 600 / sqrt(54) / 14 = 5.8 -> 70, 450 / sqrt(54) / 14 = 4.4 -> 56
    assert qwen_grid(ours, 600, 450) == AnswerGrid("resized", 70, 56)


@pytest.mark.parametrize(
    ("min_pixels", "max_pixels", "tiles"),
    [
        (None, None, 1),
        (None, 4 * 112 * 112, 4 + 1),  # 300 x 300: 2 x 2 tiles are as square as 1 x 1 and no more than twice its area
        (None, 4 * 112 * 112 - 1, 1),  # room for three tiles: 1 x 1 is square, 1 x 2 and 1 x 3 are not
        (2 * 112 * 112, 3 * 112 * 112, 2 + 1),  # at least two: 1 x 2 is the nearest to a square
        (None, 5, 1),
    ],
)
def test_internvl_s_bounds_become_tiles(min_pixels, max_pixels, tiles):
    processor = tiny_internvl_processor(known_prompts()).image_processor
    FAMILIES["internvl"].bound(processor, min_pixels, max_pixels)
    made = processor(Image.new("RGB", (300, 300)), return_tensors="np")
    assert np.asarray(made["pixel_values"]).shape == (tiles, 3, 112, 112)
