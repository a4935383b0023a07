"""One registry: what a run may name as its model's family, and what follows from the entry."""

import pytest
import yaml

from medloc.boxes import SPACES
from medloc.models.families import FAMILIES, families_for, vision_language_families
from medloc.models.load import load_model
from medloc.spec.compose import compose_job
from tests.small import CHECKOUT


def test_every_model_option_names_a_family_and_every_family_has_an_option():
    options = {path.stem: yaml.safe_load(path.read_text()) for path in (CHECKOUT / "conf/model").glob("[!_]*.yaml")}
    assert {option["family"] for option in options.values()} == set(FAMILIES)
    assert {family.example for family in FAMILIES.values()} <= set(options)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_loaded_model_answers_on_a_known_grid(name):
    loaded = load_model(compose_job([f"model={FAMILIES[name].example}"]).settings.model)
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
