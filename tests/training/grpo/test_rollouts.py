import numpy as np
import torch
from PIL import Image

from medloc.rewards import raw_iou
from medloc.training.grpo.rollouts import _until_end, distinct_prompts
from medloc.training.grpo.shared_processing import share_processing
from tests.training.grpo.rig import GROUPS, SIZE, trainer_on


def sampled(folder, decodes):
    """Returns a step's completion tokens and the random state behind them."""
    trainer, rows = trainer_on(folder, raw_iou)
    trainer.decodes = decodes
    share_processing(trainer.processing_class)
    torch.manual_seed(8)
    output = trainer._generate_and_score_completions(rows)
    return output["completion_ids"], output["completion_mask"], torch.get_rng_state(), trainer


def test_a_step_samples_what_trl_samples(tmp_path):
    ids, mask, state, trainer = sampled(tmp_path, decodes=True)
    theirs = sampled(tmp_path, decodes=False)
    assert ids.shape[0] == GROUPS * SIZE
    assert len({tuple(row) for row in ids.tolist()}) > GROUPS
    for own, other in zip((ids, mask, state), theirs, strict=False):
        assert torch.equal(own, other)
    assert trainer.model.training


def test_settings_of_generation_without_a_name_here_take_trls_path(tmp_path):
    """top_k=1 draws the most probable token: a group's completions are then equal, which no temperature makes them."""
    trainer, rows = trainer_on(tmp_path, raw_iou)
    trainer.decodes = True
    trainer.generation_config.top_k = 1
    ids = trainer._generate_and_score_completions(rows)["completion_ids"]
    assert len({tuple(row) for row in ids.tolist()}) <= GROUPS


def test_distinct_prompts_of_patches():
    """Rows 0, 1 and 3 ask one question; row 3 has another image, of four patches. Patches are numbered from 0."""
    a, b = Image.new("L", (1, 1)), Image.new("L", (1, 1))
    fields = {
        "pixel_values": torch.arange(10.0).view(10, 1),  # 2 + 2 + 2 + 4 patches
        "image_grid_thw": torch.tensor([[1, 1, 2], [1, 1, 2], [1, 1, 2], [1, 2, 2]]),
        "mm_token_type_ids": [[0, 1, 0], [0, 1, 0], [0, 1], [0, 1, 0]],
    }
    prompts, rows = distinct_prompts([[5, 9, 6], [5, 9, 6], [5, 9], [5, 9, 6]], [[a], [a], [a], [b]], fields, 7, 9)
    assert rows == [0, 0, 1, 2]
    assert prompts["input_ids"].tolist() == [[5, 9, 6], [7, 5, 9], [5, 9, 6]]
    assert prompts["attention_mask"].tolist() == [[1, 1, 1], [0, 1, 1], [1, 1, 1]]
    assert prompts["mm_token_type_ids"].tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert prompts["pixel_values"].flatten().tolist() == [0, 1, 4, 5, 6, 7, 8, 9]
    assert prompts["image_grid_thw"].tolist() == [[1, 1, 2], [1, 1, 2], [1, 2, 2]]


def test_distinct_prompts_of_tiles():
    """Two image tokens stand for a tile: the first image has one tile, the second three; each is asked about twice."""
    a, b = Image.new("L", (1, 1)), Image.new("L", (1, 1))
    ids = [[5, 9, 9], [5, 9, 9], [5, *[9] * 6], [5, *[9] * 6]]
    tiles = np.arange(8.0, dtype=np.float32).reshape(8, 1, 1, 1)
    prompts, rows = distinct_prompts(ids, [[a], [a], [b], [b]], {"pixel_values": tiles}, 7, 9)
    assert rows == [0, 0, 1, 1]
    assert prompts["pixel_values"].flatten().tolist() == [0, 2, 3, 4]


def test_an_answer_ends_with_its_first_end():
    assert _until_end([4, 2, 3, 2], (2, 3)) == [4, 2]
    assert _until_end([4, 5], (2,)) == [4, 5]
