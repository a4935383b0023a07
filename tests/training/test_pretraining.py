import json
from functools import partial

import pytest
import torch
from safetensors.torch import load_file

from medloc.data.prompts import known_prompts
from medloc.models.family import qwen_grid, thousand_grid
from medloc.models.tiny.internvl import tiny_internvl_processor
from medloc.models.tiny.qwen import tiny_model, tiny_processor
from medloc.spec.compose import compose_job
from medloc.spec.pretrain import PretrainSettings
from medloc.training.pretraining.language import EASY, HARDEST, ShapeCollator, ShapeDataset
from medloc.training.pretraining.recipes import RECIPES, make


def settings(tmp_path, **changes):
    values = {
        "model": "tiny_s", "steps": 4, "batch_size": 2, "learning_rate": 1e-3, "warmup_steps": 1, "weight_decay": 0.0,
        "step": 2, "stored_as": "float32", "seed": 0, "save_steps": 2, "workers": 0, "threads": 1,
        "work": str(tmp_path / "work"), "out": str(tmp_path / "out"),
    }  # fmt: skip
    return PretrainSettings(**{**values, **changes})


@pytest.mark.parametrize(
    ("processor", "grid", "step", "full"),
    [(tiny_processor, qwen_grid, 2, None), (tiny_internvl_processor, thousand_grid, 20, 1000)],
)
def test_only_the_answer_carries_labels(processor, grid, step, full):
    processor = processor(known_prompts())
    data = ShapeDataset(4, seed=0)
    items = [data[i] for i in range(4)]
    grid = partial(grid, processor.image_processor, step=step)
    batch = ShapeCollator(processor, known_prompts(), grid)(items)
    for (item, _), labels in zip(items, batch["labels"], strict=True):
        width, height = item.image.size
        scale = [full / width, full / height] * 2 if full else [1] * 4  # Qwen's processor leaves the shapes' size alone
        box = [step * round(v * s / step) for v, s in zip(item.box.as_list(), scale, strict=True)]
        answer = processor.tokenizer.decode(labels[labels != -100])
        assert answer == f"[{box[0]}, {box[1]}, {box[2]}, {box[3]}]<|im_end|>"


def test_difficulty_starts_easy_and_ends_hard():
    assert 0 < EASY < HARDEST < 1
    easy, _ = ShapeDataset(1000, seed=0)[0]
    assert len(set(easy.image.getdata())) < 40  # one tone on another, with the polygon's edge between


@pytest.mark.parametrize("model", ["tiny_s", "internvl_tiny", "clip_tiny"])
def test_a_resumed_pretraining_ends_with_the_same_weights(tmp_path, model):
    make(settings(tmp_path, model=model))
    half = settings(tmp_path, model=model, work=str(tmp_path / "half"), out=str(tmp_path / "half_out"))
    make(half)
    last = tmp_path / "half" / "checkpoint-4"
    for file in last.iterdir():
        file.unlink()
    last.rmdir()  # as if it had been killed after the checkpoint at step 2
    assert json.loads((tmp_path / "half" / "checkpoint-2" / "trainer_state.json").read_text())["global_step"] == 2
    make(half)
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "half_out"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)


def test_weights_are_stored_in_the_precision_asked_for(tmp_path):
    make(settings(tmp_path, steps=1, stored_as="float16"))
    assert {weight.dtype for weight in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float16}


def test_every_recipe_has_its_defaults_and_the_other_way_round():
    from medloc.spec.machine import CONF

    assert sorted(RECIPES) == sorted(path.stem for path in (CONF / "pretrain" / "model").glob("*.yaml"))


@pytest.mark.parametrize(("name", "millions"), [("tiny_s", 0.57), ("tiny_m", 1.32), ("tiny_l", 2.74)])
def test_every_size_is_a_model_of_its_own(name, millions):
    composed = compose_job([f"model={name}"]).settings.model
    assert (composed.name, composed.family, composed.answer_step) == (name, "qwen2_5_vl", 2)
    model = tiny_model(name, tiny_processor(known_prompts()))
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def test_an_unknown_base_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"model=tiny_x is unknown; known: tiny_s, .*clip_tiny"):
        make(settings(tmp_path, model="tiny_x"))


def test_answers_without_a_step_are_refused(tmp_path):
    with pytest.raises(ValueError, match="step=null"):
        make(settings(tmp_path, step=None))
