import numpy as np
import pytest
import torch

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.prompts import PROMPTS
from medloc.evaluation import answer
from medloc.evaluation.answer import InputCache, answer_all, sample_groups
from medloc.evaluation.samples import ceiling_ious
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


def answered(examples, batch_size, kept=None):
    return answer_all(LOADED, examples, PROMPTS["tn3k"], batch_size=batch_size, max_new_tokens=12, kept=kept)


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
    fresh = [answered(examples[:6], 4, kept) for kept in (None, None)]
    assert len(opened) == 12
    opened.clear()
    kept = InputCache(100_000_000)
    twice = [answered(examples[:6], 4, kept) for _ in range(2)]
    assert len(opened) == 6
    assert twice == fresh


def test_what_is_kept_stays_under_its_limit():
    """Three batches of 8 x 4 = 32 bytes, room for two: the third is prepared whenever it is asked for."""
    kept, made = InputCache(70), []
    for name in ("a", "b", "c", "a", "c"):
        kept.get(name, lambda name=name: made.append(name) or {"ids": torch.zeros(8), "more": "words"})
    assert made == ["a", "b", "c", "c"]
    assert kept.size == 64


def test_answering_leaves_the_random_state_and_the_mode_alone(examples):
    LOADED.model.train()
    before = torch.get_rng_state()
    answered(examples[:4], 4)
    sample_groups(LOADED, examples[:2], PROMPTS["heel"], group_size=3, temperature=0.9, max_new_tokens=12, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert LOADED.model.training
    LOADED.model.eval()


def test_sampled_groups_have_their_size_and_repeat_with_the_seed(examples):
    def draw(seed):
        return sample_groups(
            LOADED, examples[:3], PROMPTS["heel"], group_size=4, temperature=0.9, max_new_tokens=12, seed=seed
        )

    assert [len(group) for group in draw(1)] == [4, 4, 4]
    assert draw(1) == draw(1) != draw(2)


def test_the_ceiling_is_what_rounding_to_the_grid_leaves(tmp_path):
    # 112 x 112 is answered as it is, in steps of 2 px: Python rounds 5.5 to 6 and 15.5 to 16, so (11, 11, 31, 31)
    # becomes (12, 12, 32, 32): overlap 19 x 19 = 361, union 2 * 400 - 361 = 439
    example = Example("a", tmp_path / "a.png", 112, 112, Box(11, 11, 31, 31), "a", "")
    assert list(ceiling_ious(LOADED, [example])) == [round(361 / 439, 6)]
