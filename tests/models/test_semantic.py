"""The semantic reward sees the answered box, and nothing else earns anything."""

import numpy as np
import pytest
import torch
from PIL import Image

from medloc.boxes import Box, ParseFailure
from medloc.models import semantic
from medloc.models.semantic import SHIPPED, SemanticReward, semantic_fingerprint
from medloc.models.tiny.clip import CAPTIONS, draw_crop
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job


def settings(**changes):
    method = compose_job(["method=medground_r1"]).settings.method
    for name, value in changes.items():
        setattr(method, name, value)
    return method


@pytest.fixture(scope="module")
def reward():
    return SemanticReward(settings())


@pytest.fixture(scope="module")
def items():
    return [draw_item(np.random.default_rng((77, i)), 0.7) for i in range(60)]


def test_it_is_loaded_to_judge_and_not_to_learn(reward):
    assert not reward.model.training
    assert not any(p.requires_grad for p in reward.model.parameters())


def test_the_object_s_box_earns_more_than_a_box_beside_it(reward, items):
    """Held-out shapes, every name: the whole object against a crop without it."""
    crops = [draw_crop(np.random.default_rng((78, i)), item) for i, item in enumerate(items)]
    beside = [crop.image for crop in crops if crop.caption == "none"]
    for name in ("skin lesion", "calcaneus region", "thyroid nodule"):
        on = reward([item.image for item in items], [item.box for item in items], name)
        off = reward(beside, [Box(0, 0, *image.size) for image in beside], name)
        assert len(off) > 8
        assert np.mean([a > b for a in on for b in off]) > 0.9


def test_a_score_is_the_cosine_of_the_crop_and_the_text(reward, items):
    image, box = items[0].image, Box(10.4, 5.0, 60.2, 50.9)
    batch = reward.processor(text=["skin lesion"], images=[image.crop((10, 5, 61, 51))], return_tensors="pt")
    with torch.no_grad():
        out = reward.model(**batch)
    a, b = out.image_embeds[0], out.text_embeds[0]
    cosine = float(a @ b / a.norm() / b.norm())
    assert reward([image], [box], "skin lesion") == [pytest.approx(max(0.0, cosine), abs=1e-6)]


@pytest.mark.parametrize(
    "box",
    [
        ParseFailure("no bracket"),
        Box(10, 10, 10, 40),  # no width
        Box(40, 10, 10, 40),  # unordered
        Box(500, 500, 600, 600),  # outside
        Box(-50, -50, 0, 0),
    ],
)
def test_no_box_earns_nothing_and_leaves_its_neighbours_alone(reward, items, box):
    image, good = items[0].image, items[0].box
    alone = reward([image], [good], "skin lesion")
    assert alone[0] > 0
    assert reward([image] * 3, [box, good, box], "skin lesion") == [0.0, pytest.approx(alone[0], abs=1e-6), 0.0]
    assert reward([image], [box], "skin lesion") == [0.0]


def test_a_box_of_less_than_a_pixel_is_judged_by_the_pixel_it_touches(reward):
    image = Image.effect_noise((60, 40), 50).convert("RGB")
    small, pixel = reward([image] * 2, [Box(3.2, 4.1, 3.9, 4.8), Box(3, 4, 4, 5)], "skin lesion")
    assert small == pytest.approx(pixel, abs=1e-6)


def test_captions_hold_the_target_s_name_alone_for_the_whole_object():
    """The reward's text is the bare name; pre-training must have used it for what should earn most."""
    assert CAPTIONS["whole"] == "{target}"
    assert sum(caption == "{target}" for caption in CAPTIONS.values()) == 1


def test_a_missing_model_is_named(monkeypatch, tmp_path):
    for ask in (SemanticReward, semantic_fingerprint):
        with pytest.raises(FileNotFoundError, match=r"method\.semantic_model=.*nowhere is not a folder"):
            ask(settings(semantic_model=str(tmp_path / "nowhere")))
    monkeypatch.setattr(semantic, "SHIPPED", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"medloc\.pretrain model=clip_tiny"):
        SemanticReward(settings())


def test_any_folder_of_a_clip_model_will_do(reward, items, tmp_path):
    reward.model.save_pretrained(tmp_path)
    reward.processor.save_pretrained(tmp_path)
    other = SemanticReward(settings(semantic_model=str(tmp_path)))
    assert other([items[0].image], [items[0].box], "x") == reward([items[0].image], [items[0].box], "x")


def test_the_fingerprint_follows_the_weights_and_only_where_they_count(tmp_path):
    for file in SHIPPED.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shipped = semantic_fingerprint(settings())
    assert semantic_fingerprint(settings(semantic_model=str(tmp_path))) == shipped != ""
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert semantic_fingerprint(settings(semantic_model=str(tmp_path))) != shipped
    assert semantic_fingerprint(settings(semantic_weight=0.0)) == ""
