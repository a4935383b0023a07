"""A processor that prepares equal rows once returns what it would have returned."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from medloc.data.prompts import known_prompts
from medloc.models.tiny.shapes import draw_item
from medloc.models.tiny.vlm import tiny_internvl_processor, tiny_processor
from medloc.training.grpo.shared_processing import share_processing

IMAGES = [draw_item(np.random.default_rng((4, i)), 0.5).image for i in range(3)]
ORDER = [0, 0, 1, 2, 1, 0, 2, 2]


def conversation(image):
    return [
        {"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": known_prompts()[0]}]}
    ]


def qwen():
    return tiny_processor(known_prompts())


def internvl(tiles=1):
    processor = tiny_internvl_processor(known_prompts())
    processor.image_processor.max_patches = tiles
    return processor


KINDS = [qwen, internvl, partial(internvl, tiles=4)]


def processors(make=qwen):
    plain, shared = make(), make()
    share_processing(shared)
    return plain, shared


def equal(a, b):
    assert set(a.keys()) == set(b.keys())
    for key in a:
        assert len(a[key]) == len(b[key]), key
        for one, other in zip(a[key], b[key], strict=True):
            assert torch.equal(torch.as_tensor(one), torch.as_tensor(other)), key


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("order", [ORDER, [0, 1, 2], [1, 1, 1]])
def test_a_batch_of_texts_and_images(order, make):
    plain, shared = processors(make)
    text = plain.apply_chat_template(conversation(IMAGES[0]), add_generation_prompt=True)
    rows = {"text": [text] * len(order), "images": [[IMAGES[i]] for i in order], "padding": True}
    equal(plain(**rows, return_tensors="pt"), shared(**rows, return_tensors="pt"))


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("order", [ORDER, [0, 1, 2]])
def test_a_batch_of_conversations(order, make):
    plain, shared = processors(make)
    arguments = {"add_generation_prompt": True, "tokenize": True, "return_dict": True}
    talks = [conversation(IMAGES[i]) for i in order]
    equal(plain.apply_chat_template(talks, **arguments), shared.apply_chat_template(talks, **arguments))


def test_one_conversation_is_rendered_as_it_would_be_and_never_mistaken_for_another():
    plain, shared = processors()
    talks = [conversation(IMAGES[0]), conversation(IMAGES[1])]
    talks.append([{"role": "user", "content": [{"type": "image", "image": IMAGES[0]}, {"type": "text", "text": "?"}]}])
    for talk in [*talks, *talks]:
        for generation in (True, False):
            expected = plain.apply_chat_template(talk, add_generation_prompt=generation)
            assert shared.apply_chat_template(talk, add_generation_prompt=generation) == expected


def test_an_image_is_cut_once():
    _, shared = processors()
    seen = []
    kind = type(shared.image_processor)
    cut = kind.preprocess
    kind.preprocess = lambda self, images, *a, **k: seen.append(len(images)) or cut(self, images, *a, **k)
    try:
        shared(text=["<|vision_start|><|image_pad|><|vision_end|>"] * 8, images=[[IMAGES[i]] for i in ORDER])
    finally:
        kind.preprocess = cut
    assert seen == [3]


def test_what_is_saved_names_the_ordinary_class(tmp_path):
    plain, shared = processors()
    for name, processor in (("plain", plain), ("shared", shared)):
        processor.apply_chat_template(conversation(IMAGES[0]))
        processor.save_pretrained(tmp_path / name)
    for path in sorted((tmp_path / "plain").iterdir()):
        assert (tmp_path / "shared" / path.name).read_bytes() == path.read_bytes()
    kept = json.loads((tmp_path / "shared" / "processor_config.json").read_text())
    assert kept["processor_class"] == "Qwen2_5_VLProcessor"
