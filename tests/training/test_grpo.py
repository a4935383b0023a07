from pathlib import Path

import pytest

from medloc.spec.compose import compose_job
from medloc.training.grpo.train import grpo_config, planned_steps
from medloc.training.grpo.trainer import HOOKS, check_trl


def config(*overrides, steps=100):
    return grpo_config(compose_job(["device=cpu", *overrides]).settings, steps, Path("out"))


def test_the_loss_is_the_paper_s():
    made = config("train=paper", "train.bf16=false")
    assert (made.loss_type, made.scale_rewards, made.num_iterations) == ("grpo", "group", 1)
    assert (made.beta, made.use_bias_correction_kl, made.epsilon) == (0.4, False, 0.2)
    assert (made.temperature, made.top_p, made.top_k) == (0.9, 1.0, 0)
    assert made.importance_sampling_level == "token"


@pytest.mark.parametrize(("per_device", "accumulation"), [(64, 1), (8, 8), (32, 2)])
def test_eight_prompts_make_sixty_four_completions_whatever_the_micro_batch(per_device, accumulation):
    made = config(f"train.per_device_batch={per_device}")
    assert made.gradient_accumulation_steps == accumulation
    assert made.generation_batch_size == 64
    assert made.generation_batch_size // made.num_generations == 8


@pytest.mark.parametrize(
    ("overrides", "images", "steps"),
    [
        (["train.max_steps=50"], 80, 50),
        (["train=paper"], 8012, 5005),  # 8012 // 8 = 1001 steps an epoch, five epochs
        (["train=paper", "train.max_steps=1000"], 8012, 1000),
    ],
)
def test_planned_steps(overrides, images, steps):
    assert planned_steps(compose_job(overrides).settings.train, images) == steps


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match=r"train\.prompts_per_step=8 must not exceed the 5 training images"):
        planned_steps(compose_job([]).settings.train, 5)


def test_neither_steps_nor_epochs_is_refused():
    with pytest.raises(ValueError, match=r"train\.max_steps=null needs train\.epochs"):
        planned_steps(compose_job(["train.max_steps=null"]).settings.train, 80)


def test_the_installed_trl_has_the_hooks():
    check_trl()


@pytest.mark.parametrize("name", HOOKS)
def test_a_moved_hook_is_refused_by_name(monkeypatch, name):
    monkeypatch.setitem(HOOKS, name, HOOKS[name][:-1])
    with pytest.raises(RuntimeError, match=rf"GRPOTrainer\.{name} takes .* supports trl 1\.16"):
        check_trl()


def test_a_vanished_hook_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(HOOKS, "_score_everything", ("self",))
    with pytest.raises(RuntimeError, match=r"GRPOTrainer\._score_everything takes \(\)"):
        check_trl()
