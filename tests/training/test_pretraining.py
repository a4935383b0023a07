import json

import torch
from safetensors.torch import load_file

from medloc.settings.pretrain import PretrainSettings
from medloc.training.pretraining import EASY, HARDEST, ShapeCollator, ShapeDataset, make_base


def settings(tmp_path, **changes):
    values = {
        "model": "tiny_s", "steps": 4, "batch_size": 2, "learning_rate": 1e-3, "warmup_steps": 1, "weight_decay": 0.0,
        "step": 2, "seed": 0, "save_steps": 2, "workers": 0, "threads": 1,
        "work": str(tmp_path / "work"), "out": str(tmp_path / "out"),
    }  # fmt: skip
    return PretrainSettings(**{**values, **changes})


def test_only_the_answer_carries_labels():
    from medloc.data.prompts import known_prompts
    from medloc.models.tiny_qwen import tiny_processor

    processor = tiny_processor(known_prompts())
    data = ShapeDataset(4, seed=0)
    batch = ShapeCollator(processor, known_prompts(), step=2)([data[i] for i in range(4)])
    for row, labels in enumerate(batch["labels"]):
        item, _ = data[row]
        answer = processor.tokenizer.decode(labels[labels != -100])
        box = [2 * round(v / 2) for v in item.box.as_list()]
        assert answer == f"[{box[0]}, {box[1]}, {box[2]}, {box[3]}]<|im_end|>"


def test_difficulty_starts_easy_and_ends_hard():
    assert 0 < EASY < HARDEST < 1
    easy, _ = ShapeDataset(1000, seed=0)[0]
    assert len(set(easy.image.getdata())) < 40  # one tone on another, with the polygon's edge between


def test_a_resumed_pretraining_ends_with_the_same_weights(tmp_path):
    make_base(settings(tmp_path))
    half = settings(tmp_path, work=str(tmp_path / "half"), out=str(tmp_path / "half_out"))
    make_base(half)
    last = tmp_path / "half" / "checkpoint-4"
    for file in last.iterdir():
        file.unlink()
    last.rmdir()  # as if it had been killed after the checkpoint at step 2
    assert json.loads((tmp_path / "half" / "checkpoint-2" / "trainer_state.json").read_text())["global_step"] == 2
    make_base(half)
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "half_out"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)
