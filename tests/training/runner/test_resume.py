"""Resuming loads every weight, for both families; transformers' own loading would keep the base weights and warn."""

import pytest
import torch
from transformers import Trainer, TrainingArguments

from medloc.data.prompts import known_prompts
from medloc.models.tiny.vlm import tiny_internvl_model, tiny_internvl_processor, tiny_model, tiny_processor
from medloc.training.runner.checkpoint import LoadsSavedLayout


class Resuming(LoadsSavedLayout, Trainer):
    pass


def qwen():
    return tiny_model("tiny_s", tiny_processor(known_prompts()))


def internvl():
    return tiny_internvl_model(tiny_internvl_processor(known_prompts()))


def loaded_by(kind, model, folder):
    arguments = TrainingArguments(output_dir=str(folder / "out"), use_cpu=True, report_to="none")
    kind(model=model, args=arguments)._load_from_checkpoint(str(folder))
    return model.state_dict()


@pytest.mark.parametrize("build", [qwen, internvl])
def test_resuming_loads_every_weight(build, tmp_path):
    saved = build()
    saved.save_pretrained(tmp_path)
    found = loaded_by(Resuming, build(), tmp_path)
    assert all(torch.equal(value, found[name]) for name, value in saved.state_dict().items())


@pytest.mark.parametrize("build", [qwen, internvl])
def test_without_the_mix_in_nothing_is_loaded(build, tmp_path):
    """What the mix-in is for; when transformers reads its own layout again, this test falls and the mix-in can go."""
    saved, fresh = build(), build()
    saved.save_pretrained(tmp_path)
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    found = loaded_by(Trainer, fresh, tmp_path)
    assert all(torch.equal(value, found[name]) for name, value in before.items())
