"""A model saved in the middle of its training: adapters are in the file, and the model stays as it is."""

import torch
from peft import get_peft_model

from medloc.models.vlm import lora_config
from medloc.spec.compose import compose_job
from medloc.training.systems.vlm import VisionLanguageSystem
from tests.models.shrunk import BOUNDS, shrunk


def test_adapters_in_training_are_saved_as_they_would_be_merged(tmp_path):
    base = shrunk("qwen2_5_vl", tmp_path / "base")
    given = (f"model.path={base}", f"model.max_pixels={BOUNDS['qwen2_5_vl']}", "model.lora.rank=2", "device=cpu")
    system = VisionLanguageSystem(compose_job(["model=qwen2_5_vl_3b", *given]).settings)
    model = get_peft_model(system.loaded.model, lora_config(system.settings.model))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    system.loaded.model.config.get_text_config().use_cache = False  # as under gradient checkpointing
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    system.save(tmp_path / "midway")
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert system.loaded.model.config.get_text_config().use_cache is False
    system.keep(model)
    system.save(tmp_path / "end")
    midway, end = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("midway", "end"))
    assert midway == end
