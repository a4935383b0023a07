"""The real vocabulary of Qwen2.5-VL: what prompts and answers become, and a whole run under it."""

import random
from importlib.util import find_spec

import pytest
from PIL import Image

from medloc.boxes import Box, parse_box
from medloc.data.prompts import PROMPTS
from medloc.evaluation.predict import load_checkpoint, predict
from medloc.models.vlm import qwen_grid
from medloc.spec.compose import compose_job
from medloc.training.runner.runner import run_job
from tests.small import overrides

MISSING = [name for name in ("dashscope", "tiktoken") if find_spec(name) is None]
pytestmark = [pytest.mark.engines, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]


@pytest.fixture(scope="module")
def processor():
    from tests.engines import published

    return published.processor()


def pieces(processor, text):
    tokenizer = processor.tokenizer
    return [tokenizer.decode([token]) for token in tokenizer(text, add_special_tokens=False).input_ids]


LENGTHS = {"ham10000": 80, "heel": 68, "tn3k": 66}  # counted by this tokenizer, once
ENDINGS = {
    "ham10000": [" how", " you", " determined", " the", " bounding", " box", "."],
    "heel": [" how", " you", " determined", " the", " bounding", " box", "."],
    "tn3k": [" how", " you", " determined", " the", " bounding", " box", "."],
}


@pytest.mark.parametrize("dataset", PROMPTS)
def test_a_question_token_by_token(processor, dataset):
    text = PROMPTS[dataset]
    found = pieces(processor, text)
    assert "".join(found) == text
    assert len(found) == LENGTHS[dataset]
    assert found[-7:] == ENDINGS[dataset]
    corners = found.index(" [")
    assert found[corners : corners + 4] == [" [", "xmin", ",", " ymin"]


def test_a_conversation_is_wrapped_as_published(processor):
    image = Image.new("RGB", (280, 168))  # 20 x 12 patches of 14 px, merged two by two: 10 x 6 = 60 image tokens
    content = [{"type": "image"}, {"type": "text", "text": "Where?"}]
    asked = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    assert asked == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Where?<|im_end|>\n<|im_start|>assistant\n"
    )
    ids = processor(text=[asked], images=[image])["input_ids"][0]
    assert list(ids).count(151655) == 60
    assert list(ids)[:2] == [151644, 8948]  # <|im_start|>, "system"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("[12, 345]", ["[", "1", "2", ",", " ", "3", "4", "5", "]"]),
        ("[1,2]", ["[", "1", ",", "2", "]"]),
        ("[0.5]", ["[", "0", ".", "5", "]"]),
    ],
)
def test_every_digit_bracket_and_comma_is_a_token(processor, text, tokens):
    assert pieces(processor, text) == tokens


def test_an_answer_ends_at_eos_and_is_read_without_its_special_tokens(processor):
    tokenizer = processor.tokenizer
    assert tokenizer.eos_token_id == 151645
    ids = tokenizer("[12, 34, 56, 78]<|im_end|>", add_special_tokens=False).input_ids
    assert ids[-1] == tokenizer.eos_token_id
    assert ids.count(tokenizer.eos_token_id) == 1
    assert parse_box(tokenizer.decode(ids, skip_special_tokens=True)) == Box(12, 34, 56, 78)
    marked = tokenizer("<|box_start|>[12, 34, 56, 78]<|box_end|>", add_special_tokens=False).input_ids
    assert (marked[0], marked[-1]) == (151648, 151649)
    assert parse_box(tokenizer.decode(marked, skip_special_tokens=True)) == Box(12, 34, 56, 78)


def test_the_answer_grid_is_the_processors_own_for_500_sizes(processor):
    draw = random.Random(0)
    sizes = [(28, 28), (4000, 4000), (28, 4000), (4000, 28)]
    sizes += [(draw.randint(28, 4000), draw.randint(28, 4000)) for _ in range(496)]
    image_processor = processor.image_processor
    image_processor.size = {"shortest_edge": 3136, "longest_edge": 200704}  # as model.max_pixels bounds it
    for width, height in sizes:
        grid = qwen_grid(image_processor, width, height)
        patches = image_processor.get_number_of_image_patches(height, width)
        assert grid.width * grid.height == patches * 14 * 14, (width, height)
        assert grid.width % 28 == grid.height % 28 == 0


def test_the_answer_grid_is_the_size_of_what_the_model_sees(processor):
    image_processor = processor.image_processor
    for width, height in [(28, 28), (600, 450), (200, 150), (31, 997)]:
        seen = image_processor(images=[Image.new("RGB", (width, height))])["image_grid_thw"][0]
        grid = qwen_grid(image_processor, width, height)
        assert [1, grid.height // 14, grid.width // 14] == [int(n) for n in seen]


def test_a_small_model_under_the_real_vocabulary_trains_saves_loads_and_answers(tmp_path):
    from tests.engines import published

    base = published.checkpoint(tmp_path / "base")
    given = ("model=qwen2_5_vl_3b", f"model.path={base}", "model.max_pixels=50176", "train.max_completion_length=6")
    job = compose_job(overrides(tmp_path, tmp_path / "cache", *given, "train.max_steps=3", "method=raw_iou"))
    made = run_job(job)
    assert made.record.status == "complete"
    image = next(iter(made.images.values()))
    (line,) = predict(load_checkpoint(made.folder / "model", "cpu"), [image], "Where?", 4, None)
    assert (line["box"] is None) == (line["failure"] is not None)
