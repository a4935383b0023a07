import random

import numpy as np
import pytest
import torch

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.prompts import PROMPTS
from medloc.evaluation import answer
from medloc.evaluation.answer import InputCache, answer_all, sample_answers
from medloc.evaluation.samples import ceiling_ious
from medloc.models.decoding import can_decode
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from tests.models.test_load import settings

LOADED = load_model(settings())


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    made = []
    for index in range(40):
        item = draw_item(np.random.default_rng((11, index)), 0.3)
        item.image.save(folder / f"{index}.png")
        made.append(Example(str(index), folder / f"{index}.png", *item.image.size, item.box, f"g{index}", "shape"))
    return made


def answered(examples, batch_size, cache=None):
    return answer_all(LOADED, examples, PROMPTS["tn3k"], batch_size=batch_size, max_new_tokens=12, cache=cache)


def test_the_base_finds_general_shapes(examples):
    """Held-out shapes: A@0.5 was 0.95 on 300 of them; 30 of 40 is four standard errors below."""
    samples = answered(examples, 20)
    assert sum(sample.iou >= 0.5 for sample in samples) >= 30
    assert all(sample.box is not None and sample.failure is None for sample in samples)


def test_answers_do_not_depend_on_the_batch(examples):
    assert [s.text for s in answered(examples[:10], 10)] == [s.text for s in answered(examples[:10], 3)]


def test_batches_that_are_kept_are_prepared_once_and_answered_alike(examples, monkeypatch):
    opened = []
    monkeypatch.setattr(answer, "open_image", lambda path: opened.append(path) or open_image(path))
    fresh = [answered(examples[:6], 4, cache) for cache in (None, None)]
    assert len(opened) == 12
    opened.clear()
    cache = InputCache(100_000_000)
    twice = [answered(examples[:6], 4, cache) for _ in range(2)]
    assert len(opened) == 6
    assert twice == fresh


def test_what_is_kept_stays_under_its_limit():
    """Three batches of 8 x 4 = 32 bytes, room for two: the third is prepared whenever it is asked for."""
    cache, made = InputCache(70), []
    for name in ("a", "b", "c", "a", "c"):
        cache.get(name, lambda name=name: made.append(name) or {"ids": torch.zeros(8), "more": "words"})
    assert made == ["a", "b", "c", "c"]
    assert cache.size == 64


SAMPLING = {"group_size": 3, "temperature": 0.9, "max_new_tokens": 4, "seed": 5}
HARMLESS = {
    "answer_all": lambda examples: answered(examples, 2),
    "sample_answers": lambda examples: sample_answers(LOADED, examples, PROMPTS["heel"], **SAMPLING),
    "answer_images": lambda examples: answer.answer_images(
        LOADED, [open_image(each.image) for each in examples], PROMPTS["heel"], max_new_tokens=4
    ),
    "ceiling_ious": lambda examples: list(ceiling_ious(LOADED.grid, examples)),
    "load_model": lambda examples: load_model(settings()),
    "load_segmenter": lambda examples: load_model(
        settings(name="s", family="torchvision", path="lraspp_mobilenet_v3_large", max_pixels=64 * 64), seed=3
    ),
}


def random_states():
    return [torch.get_rng_state().tolist(), random.getstate(), [str(part) for part in np.random.get_state()]]  # noqa: NPY002


@pytest.mark.parametrize("name", HARMLESS)
def test_no_random_state_changes_and_no_gpu_is_reseeded(name, examples, monkeypatch):
    def reseeded(*_):
        pytest.fail("the generator of a GPU was seeded, though the model is on the CPU")

    for device in (torch.cuda, torch.mps, torch.xpu):
        for function in ("manual_seed", "manual_seed_all"):
            monkeypatch.setattr(device, function, reseeded, raising=False)
    LOADED.model.train()
    before = random_states()
    HARMLESS[name](examples[:2])
    assert random_states() == before
    assert LOADED.model.training
    LOADED.model.eval()


def test_on_a_gpu_its_own_generator_is_seeded_and_restored(monkeypatch):
    """Generators of the CPU stand for those of two GPUs; the model is on the second."""
    gpus = tuple(torch.Generator().manual_seed(seed) for seed in (7, 8))
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "default_generators", gpus)
    before = [gpu.get_state().tolist() for gpu in gpus]
    with answer.seeded(5, torch.device("cuda", 1)):
        assert [gpu.initial_seed() for gpu in gpus] == [7, 5]
        torch.rand(3, generator=gpus[1])
    assert [gpu.get_state().tolist() for gpu in gpus] == before


def test_sampled_groups_have_their_size_and_repeat_with_the_seed(examples):
    def draw(seed):
        sampling = {"group_size": 4, "temperature": 0.9, "max_new_tokens": 12, "seed": seed}
        groups = sample_answers(LOADED, examples[:3], PROMPTS["heel"], **sampling)
        return [[answer.iou for answer in group] for group in groups]

    assert [len(group) for group in draw(1)] == [4, 4, 4]
    assert draw(1) == draw(1) != draw(2)


def test_sharded_weights_are_asked_through_generate_and_answer_alike(examples):
    """ZeRO-3 marks its weights, so that `generate` answers; the weights of this test are whole, so both can."""

    def asked():
        sampling = {"group_size": 3, "temperature": 0.9, "max_new_tokens": 12, "seed": 2}
        return answered(examples[:4], 3), sample_answers(LOADED, examples[:2], PROMPTS["heel"], **sampling)

    weight = next(LOADED.model.parameters())
    own = asked()
    weight.ds_id = 0
    try:
        assert not can_decode(LOADED.model)
        assert asked() == own
    finally:
        del weight.ds_id


def test_the_ceiling_is_what_rounding_to_the_grid_leaves(tmp_path):
    # 112 x 112 is answered as it is, in steps of 2 px: Python rounds 5.5 to 6 and 15.5 to 16, so (11, 11, 31, 31)
    # becomes (12, 12, 32, 32): overlap 19 x 19 = 361, union 2 * 400 - 361 = 439
    example = Example("a", tmp_path / "a.png", 112, 112, Box(11, 11, 31, 31), "a", "")
    assert list(ceiling_ious(LOADED.grid, [example])) == [round(361 / 439, 6)]
