"""The examples of docs/extend.md, taken from the page and run."""

import re

import pytest
from hydra.core.config_store import ConfigStore

from medloc.curriculum import SCHEDULES
from medloc.models.families import FAMILIES
from medloc.models.load import load_model
from medloc.models.tiny.vlm import tiny_processor
from medloc.rewards import REWARDS
from medloc.spec.compose import register
from tests.models.test_load import settings
from tests.small import CHECKOUT

TEXT = (CHECKOUT / "docs" / "extend.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python (\w+)\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture(autouse=True)
def _as_before():
    register()
    kept = [(registry, dict(registry)) for registry in (SCHEDULES, REWARDS, FAMILIES)]
    yield
    for registry, before in kept:
        registry.clear()
        registry.update(before)
    ConfigStore.instance().repo.get("schedule", {}).pop("geometric.yaml", None)


def run(name):
    names = {"__name__": f"extend_{name}"}
    exec(compile(BLOCKS[name], f"docs/extend.md: {name}", "exec", dont_inherit=True), names)
    return names


def test_there_is_one_of_each():
    assert list(BLOCKS) == ["schedule", "reward", "data", "family"]


def test_a_schedule():
    names = run("schedule")
    assert names["job"].variant.startswith("criteria=only_reward")
    assert names["job"].settings.schedule["share"] == 0.5


def test_a_reward():
    assert run("reward")["squared_iou"].__doc__


def test_a_data_set():
    assert run("data")["data"].origin.startswith("real: ")


def test_a_family_loads_its_checkpoints(tmp_path):
    """A random Qwen2-VL of a few thousand weights, saved and loaded in the ordinary layout."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor

    run("family")
    parts = tiny_processor(["Where is it?"])
    processor = Qwen2VLProcessor(
        image_processor=parts.image_processor,
        tokenizer=parts.tokenizer,
        video_processor=parts.video_processor,
        chat_template=parts.chat_template,
    )
    rope = {"rope_type": "default", "mrope_section": [1, 1], "rope_theta": 1e4}
    text = {
        "vocab_size": len(parts.tokenizer), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 16, "rope_parameters": rope,
    }  # fmt: skip
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "patch_size": 7, "mlp_ratio": 1}
    model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=text, vision_config=vision))
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded = load_model(settings(name="mine", family="qwen2_vl", path=str(tmp_path), max_pixels=7840, answer_step=1))
    assert type(loaded.model) is Qwen2VLForConditionalGeneration
    assert loaded.processor.image_processor.size["longest_edge"] == 7840
    assert loaded.grid(640, 480).space == "thousand"
