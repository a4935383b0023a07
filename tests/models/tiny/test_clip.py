"""The tiny CLIP: what its captions mean, and that it is small."""

from collections import Counter

import numpy as np
import pytest

from medloc.boxes import Box
from medloc.data.prompts import TARGETS
from medloc.models.base import BASES
from medloc.models.tiny.clip import CAPTIONS, TEXT_LENGTH, caption_for, draw_crop, tiny_clip_model, tiny_clip_processor
from medloc.models.tiny.shapes import draw_item

PROCESSOR = tiny_clip_processor(list(TARGETS.values()))


@pytest.mark.parametrize(
    ("crop", "caption"),
    [  # around an object of 20 x 20 = 400 px
        ((20, 20, 40, 40), "whole"),  # tight
        ((10, 10, 50, 50), "whole"),  # 400 of 40 x 40 = 1600: a quarter
        ((10, 10, 51, 50), None),  # 400 of 41 x 40 = 1640: less than a quarter, more than a ninth
        ((0, 0, 60, 60), "small"),  # 400 of 3600: a ninth
        ((20, 20, 30, 40), "part"),  # half of it
        ((20, 20, 31, 40), None),  # 11 / 20
        ((30, 30, 80, 80), "part"),  # 10 x 10 of it
        ((40, 20, 60, 40), "none"),  # beside it
    ],
)
def test_what_a_crop_is_called(crop, caption):
    assert caption_for(Box(*crop), Box(20, 20, 40, 40)) == caption


def test_crops_come_under_every_caption_and_the_same_seed_draws_the_same():
    drawn = []
    for index in range(200):
        item = draw_item(np.random.default_rng((1, index)), 0.5)
        a, b = (draw_crop(np.random.default_rng((2, index)), item) for _ in range(2))
        assert (a.caption, a.image.tobytes()) == (b.caption, b.image.tobytes())
        assert min(a.image.size) >= 6
        assert max(a.image.size) <= max(item.image.size)
        drawn.append(a.caption)
    assert set(drawn) == set(CAPTIONS)
    assert min(Counter(drawn).values()) > 10


@pytest.mark.parametrize("target", TARGETS.values())
def test_every_word_of_a_caption_is_one_token(target):
    for caption in CAPTIONS.values():
        text = caption.format(target=target)
        assert len(PROCESSOR.tokenizer(text).input_ids) == len(text.split()) + 2  # start and end


def test_any_text_has_an_end_within_the_model_s_length():
    ids = PROCESSOR.tokenizer("Rundherd im Lungenoberlappen, " * 9, truncation=True).input_ids
    assert len(ids) == TEXT_LENGTH
    assert ids[-1] == PROCESSOR.tokenizer.eos_token_id


def test_the_model_is_the_genuine_class_and_small():
    model = tiny_clip_model(PROCESSOR)
    assert type(model).__name__ == "CLIPModel"
    assert sum(p.numel() for p in model.parameters()) * 4 < 1.5e6
    assert sum(f.stat().st_size for f in (BASES / "clip_tiny").iterdir()) < 1.5e6
