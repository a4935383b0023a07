"""Which method takes which model; a wrong pair is one line, before anything is loaded."""

import re

import pytest

from medloc.spec.compose import compose_job
from medloc.training.systems import TRAINS, check_family, load_system
from medloc.training.systems.grpo import GrpoSystem
from medloc.training.systems.sft import SftSystem
from medloc.training.systems.specialist import SpecialistSystem


def settings(*overrides):
    return compose_job(list(overrides)).settings


@pytest.mark.parametrize(
    ("method", "model"),
    [("sft", "tiny_s"), ("grounding_dino", "grounding_dino_tiny"), ("specialist", "specialist_tiny")],
)
def test_a_method_brings_its_own_model_and_the_composed_settings_say_so(method, model):
    job = compose_job([f"method={method}"])
    assert job.config["model"]["name"] == model
    assert job.variant == ""
    check_family(job.settings)


def test_a_model_that_is_asked_for_stands_against_the_one_a_method_brings():
    assert settings("method=grounding_dino", "model=grounding_dino_b").model.name == "grounding_dino_b"


@pytest.mark.parametrize(
    ("overrides", "system"),
    [
        ([], GrpoSystem),
        (["method=zero_shot"], GrpoSystem),
        (["method=sft"], SftSystem),
        (["method=specialist"], SpecialistSystem),
    ],
)
def test_the_method_chooses_the_system(overrides, system):
    assert type(load_system(settings(*overrides))) is system


WRONG = [
    (
        ["method=grounding_dino", "model=tiny_s"],
        "model=tiny_s (model.family=qwen2_5_vl) cannot be used with method=grounding_dino, which takes grounding_dino; "
        "choose a model of that kind, such as model=grounding_dino_tiny.",
    ),
    (["method=sft", "model=grounding_dino_tiny"], "such as model=tiny_s"),
    (["method=medloc", "model=specialist_tiny"], "such as model=tiny_s"),
    (["method=specialist", "model=tiny_s"], "such as model=specialist_tiny"),
    (["method=zero_shot", "model=specialist_tiny"], "model.family=torchvision) cannot be used with method=zero_shot"),
    (["model.family=bert"], "model.family=bert is unknown; known: grounding_dino, "),
    (["method.trainer=ppo"], "method.trainer=ppo is unknown; known: grpo, sft, grounding_dino, specialist, or null"),
]


@pytest.mark.parametrize(("overrides", "says"), WRONG)
def test_a_wrong_pair_is_refused_by_name(overrides, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        load_system(settings(*overrides))


MEANINGLESS = [
    (["method=specialist", "model.path=resnet18"], "model.path=resnet18 is no segmentation network; torchvision "),
    (["method=specialist", "model.max_pixels=100"], "model.max_pixels=100 must be at least 1024"),
    (["method=specialist", "model.min_pixels=100"], "model.min_pixels=100 has no meaning"),
    (["method=grounding_dino", "model.max_pixels=100"], "model.max_pixels=100 has no meaning"),
    (["method.reward=null"], "method.reward=null: method.trainer=grpo needs a reward"),
]


@pytest.mark.parametrize(("overrides", "says"), MEANINGLESS)
def test_a_value_without_meaning_is_refused_by_name(overrides, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        load_system(settings(*overrides))


def test_every_trainer_has_a_model_of_its_family():
    for families, model in TRAINS.values():
        assert settings(f"model={model}").model.family in families


@pytest.mark.parametrize(("target", "knows"), [("thyroid nodule", True), ("fracture", False)])
def test_a_tiny_base_says_that_a_question_is_new_to_it(target, knows, tmp_path):
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(f'{{"medloc_manifest": 1, "name": "own", "target": "{target}"}}\n')
    system = load_system(compose_job(["dataset=manifest", f"dataset.manifest={manifest}"]).settings)
    assert [note.partition(",")[0] for note in system.notes(())] == (
        [] if knows else ["tiny_s was not taught this question"]
    )
