"""One registry: what a run may name as its model's family, and what follows from the entry."""

import pytest

from medloc.boxes import SPACES
from medloc.models.families import FAMILIES, families_for, vision_language_families
from medloc.models.load import load_model
from medloc.spec.compose import compose_job
from tests.small import CHECKOUT

OPTIONS = sorted(path.stem for path in (CHECKOUT / "conf" / "model").glob("[!_]*.yaml"))


def test_every_model_option_names_a_family_and_every_family_has_an_option():
    named = {name: compose_job([f"model={name}"]).settings.model.family for name in OPTIONS}
    assert set(named.values()) == set(FAMILIES)
    for family in FAMILIES.values():
        assert family.example in named


@pytest.mark.parametrize("name", FAMILIES)
def test_a_loaded_model_answers_on_a_known_grid(name):
    example = FAMILIES[name].example
    settings = compose_job([f"model={example}"]).settings.model
    loaded = load_model(settings)
    assert loaded.grid(600, 450).space in SPACES
    assert len(loaded.fingerprint) == 16
    assert not loaded.model.training


def test_what_trains_and_what_answers_untrained_follow_from_the_registry():
    language = ["qwen2_5_vl", "qwen3_vl", "internvl"]
    assert list(vision_language_families()) == language
    assert {
        trainer: list(families_for(trainer)) for trainer in (None, "grpo", "sft", "grounding_dino", "specialist")
    } == {
        None: [*language, "grounding_dino"],
        "grpo": language,
        "sft": language,
        "grounding_dino": ["grounding_dino"],
        "specialist": ["torchvision"],
    }
    assert families_for("ppo") == {}
