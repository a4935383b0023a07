"""Packed rows give the log-probabilities and gradients of separate rows, for every family and way of training."""

import pytest
import torch
from trl import GRPOTrainer

from medloc.models.vlm import vision_tower
from tests.training.grpo.packed_rig import GROUPS, KINDS, SIZE, batch_of, groups_of, per_token, scored, trainer_on


def relative(gradient, plain):
    return ((gradient - plain).norm() / plain.norm()).item()


def assert_equal(packed, plain):
    """Log-probabilities, entropies and the gradient, up to rounding."""
    for one, other in zip(packed[:2], plain[:2], strict=True):
        assert (one - other).abs().max() < 1e-5
    assert relative(packed[2], plain[2]) < 1e-5


def freeze(model):
    vision_tower(model).requires_grad_(False)


def first_layer(model):
    tower = vision_tower(model)
    return tower.blocks[0] if hasattr(tower, "blocks") else tower.encoder.layer[0]


@pytest.fixture(scope="module", params=KINDS)
def separate(request, tmp_path_factory):
    """A trainer of every family with its batch, and what TRL's own rows give; it shares from then on."""
    trainer = trainer_on(request.param, tmp_path_factory.mktemp(request.param))
    batch = batch_of(trainer)
    plain = scored(trainer, batch)
    trainer.share(whole=True)
    return trainer, batch, plain


def test_they_are_those_of_separate_rows(separate):
    """Prompts and answers of several lengths; answers with and without an end token, and an empty one."""
    trainer, batch, plain = separate
    assert len(set(batch["completion_mask"].sum(1).tolist())) > 3
    assert len(set(batch["prompt_mask"].sum(1).tolist())) > 1 or "num_tiles" not in batch
    assert_equal(scored(trainer, batch), plain)


def test_the_prompt_and_the_image_are_computed_once_a_group(separate, monkeypatch):
    trainer, batch, _ = separate
    seen = []
    hook = trainer.model.model.language_model.register_forward_hook(
        lambda m, a, out: seen.append(tuple(out.last_hidden_state.shape[:2]))
    )
    per_token(trainer, batch)
    hook.remove()
    prompt = int(batch["prompt_mask"].sum(1).max())
    answers = max(batch["completion_mask"][batch["group"] == group].sum().item() for group in range(GROUPS))
    assert seen == [(GROUPS, prompt - 1 + answers)]


def test_no_answer_sees_another(separate):
    trainer, batch, _ = separate
    with torch.no_grad():
        before, _ = per_token(trainer, batch)
        for row in (0, 5):
            changed = {**batch, "completion_ids": batch["completion_ids"].clone()}
            changed["completion_ids"][row, 0] += 1
            after, _ = per_token(trainer, changed)
            assert [i for i in range(len(before)) if not torch.equal(before[i], after[i])] == [row]


def test_a_part_of_a_group_is_packed_by_itself(separate):
    """A micro-batch may hold three completions of one group and one of another."""
    trainer, batch, (logps, entropies, _) = separate
    with torch.no_grad():
        found = per_token(trainer, batch, batch_size=4)
    assert (found[0] - logps).abs().max() < 1e-5
    assert (found[1] - entropies).abs().max() < 1e-5


def test_rows_that_share_nothing_and_other_attention_take_trl_s_path(separate, monkeypatch):
    trainer, batch, (logps, _, _) = separate
    taken, plain = [], GRPOTrainer._get_per_token_logps_and_entropies

    def watched(self, *arguments, **more):
        taken.append(len(arguments[1]))
        return plain(self, *arguments, **more)

    monkeypatch.setattr(GRPOTrainer, "_get_per_token_logps_and_entropies", watched)
    with torch.no_grad():
        per_token(trainer, batch)
        assert taken == []
        alone, _ = per_token(trainer, {**batch, "group": torch.arange(GROUPS * SIZE)})
        text = trainer.model.config.get_text_config()
        monkeypatch.setattr(text, "_attn_implementation_internal", "eager")
        eager, _ = per_token(trainer, batch)
    assert taken == [GROUPS * SIZE] * 2
    assert (alone - logps).abs().max() < 1e-5
    assert (eager - logps).abs().max() < 1e-4


@pytest.mark.parametrize("kind", KINDS[:3])
def test_reference_old_log_probabilities_and_twenty_updates(kind, tmp_path):
    """Weights after twenty steps of AdamW at 1e-4, on the same completions."""
    batches, weights = [], []
    for share in (False, True):
        trainer = trainer_on(kind, tmp_path / str(share), num_iterations=2)  # TRL then takes the old ones down
        if share:
            trainer.share(whole=True)
        batch = batch_of(trainer)
        batches.append(batch)
        optimizer = torch.optim.AdamW(trainer.model.parameters(), lr=1e-4, weight_decay=0.0)
        start = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
        for _ in range(20):
            trainer._compute_loss(trainer.model, batch).backward()
            torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        weights.append(torch.cat([p.detach().flatten() for p in trainer.model.parameters()]))
    print((weights[0] - weights[1]).abs().max(), (weights[0] - start).abs().max())
    for name in ("ref_per_token_logps", "old_per_token_logps"):
        plain, packed = (batch[name] for batch in batches)
        assert (plain - packed).abs().max() < 1e-5
        assert plain.abs().max() > 1
    assert (weights[0] - start).abs().max() > 1e-3
    assert (weights[0] - weights[1]).abs().max() < 1e-4


def adapters():
    from peft import LoraConfig

    return LoraConfig(r=4, target_modules=r".*language_model\..*\.(q_proj|v_proj|up_proj)", task_type="CAUSAL_LM")


WAYS = {
    "checkpointing": {"gradient_checkpointing": True},
    "adapters": {"peft_config": adapters()},
    "adapters and checkpointing": {"peft_config": adapters(), "gradient_checkpointing": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS[:3])
def test_they_are_those_of_separate_rows_however_it_is_trained(kind, way, tmp_path):
    trainer = trainer_on(kind, tmp_path, **WAYS[way])
    trainer.model.train()
    if "peft_config" in WAYS[way]:  # fresh adapters add nothing
        for name, weight in trainer.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.1)
    if "gradient_checkpointing" in WAYS[way]:
        trainer.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    batch = batch_of(trainer)
    plain = scored(trainer, batch)
    reference = batch["ref_per_token_logps"]
    trainer.share(whole=True)
    assert_equal(scored(trainer, batch), plain)
    assert (batch_of(trainer)["ref_per_token_logps"] - reference).abs().max() < 1e-5


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_frozen_tower_is_asked_once_a_batch(kind, tmp_path):
    """By the reference and the policy, in micro-batches too, and again for the next batch."""
    trainer = trainer_on(kind, tmp_path, freeze, per_device_train_batch_size=SIZE, gradient_accumulation_steps=GROUPS)
    batch = batch_of(trainer)
    plain = scored(trainer, batch)
    trainer.share(whole=True)
    asked = []
    for model in (trainer.model, trainer.ref_model):
        first_layer(model).register_forward_hook(lambda *_: asked.append(1))
    assert_equal(scored(trainer, batch), plain)
    assert len(asked) == 1
    again = batch_of(trainer)
    assert len(asked) == 1 + GROUPS
    scored(trainer, again)
    assert len(asked) == 1 + GROUPS
    assert (again["ref_per_token_logps"] - batch["ref_per_token_logps"]).abs().max() < 1e-5


def test_a_group_stays_in_one_micro_batch(tmp_path):
    trainer = trainer_on("qwen2_5_vl", tmp_path, per_device_train_batch_size=SIZE, gradient_accumulation_steps=GROUPS)
    trainer.share(whole=True)
    rows = groups_of(trainer)
    for group in range(GROUPS):
        part = trainer._prepare_inputs(rows)
        assert part["group"].tolist() == [group] * SIZE
        assert len(part["image_grid_thw"]) == SIZE
        assert int(part["image_grid_thw"].prod(-1).sum()) == len(part["pixel_values"])
        trainer._step += 1


def test_sampling_goes_on_from_trl_s_random_state(tmp_path):
    states = []
    for share in (False, True):
        trainer = trainer_on("qwen2_5_vl", tmp_path / str(share))
        if share:
            trainer.share(whole=True)
        torch.manual_seed(0)
        kept = GRPOTrainer._prepare_inputs if not share else type(trainer)._prepare_inputs
        kept(trainer, groups_of(trainer))
        states.append(torch.get_rng_state())
    assert torch.equal(*states)
