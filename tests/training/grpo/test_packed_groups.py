"""Packed rows give the log-probabilities and gradients of separate rows, for every family and way of training."""

import pytest
import torch
from trl import GRPOTrainer

from medloc.models.vlm import vision_tower
from medloc.training.grpo.packing import pack
from medloc.training.grpo.shared_features import first_equal
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


def weights_of(model):
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def weights_after(updates, trainer, batch):
    """The policy's weights after so many steps on the same completions; it has its own again afterwards."""
    model = trainer.model
    kept = {name: weight.clone() for name, weight in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
    for _ in range(updates):
        optimizer.zero_grad()
        trainer._compute_loss(model, batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    found = weights_of(model)
    model.load_state_dict(kept)
    return found


@pytest.fixture(scope="module", params=KINDS)
def separate(request, tmp_path_factory):
    """A trainer of every family with its batch, and what TRL's own rows give; it shares from then on."""
    folder = tmp_path_factory.mktemp(request.param)
    trainer = trainer_on(request.param, folder, num_iterations=2)  # TRL then keeps the old log-probabilities
    batch = batch_of(trainer)
    assert max(batch.get("num_tiles", [1])) == (5 if request.param == "internvl_tiles" else 1)  # 2 x 2 and a thumbnail
    plain = scored(trainer, batch)
    later = weights_after(20, trainer, batch) if request.param != "internvl_tiles" else None
    trainer.share(whole=True)
    return trainer, batch, plain, later


def test_they_are_those_of_separate_rows(separate):
    """Prompts and answers of several lengths; answers with and without an end token, and an empty one."""
    trainer, batch, plain, _ = separate
    assert len(set(batch["completion_mask"].sum(1).tolist())) > 3
    assert len(set(batch["prompt_mask"].sum(1).tolist())) > 1 or "num_tiles" not in batch
    assert_equal(scored(trainer, batch), plain)


def test_the_prompt_and_the_image_are_computed_once_a_group(separate):
    trainer, batch, *_ = separate
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
    trainer, batch, *_ = separate
    with torch.no_grad():
        before, _ = per_token(trainer, batch)
        for row in (0, 5):
            changed = {**batch, "completion_ids": batch["completion_ids"].clone()}
            changed["completion_ids"][row, 0] += 1
            after, _ = per_token(trainer, changed)
            assert [i for i in range(len(before)) if not torch.equal(before[i], after[i])] == [row]


def test_a_part_of_a_group_is_packed_by_itself(separate):
    """A micro-batch may hold three completions of one group and one of another."""
    trainer, batch, (logps, entropies, _), _ = separate
    with torch.no_grad():
        found = per_token(trainer, batch, batch_size=4)
    assert (found[0] - logps).abs().max() < 1e-5
    assert (found[1] - entropies).abs().max() < 1e-5


def test_rows_that_share_nothing_and_other_attention_take_trl_s_path(separate, monkeypatch):
    trainer, batch, (logps, _, _), _ = separate
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


def test_so_are_those_of_the_reference_and_of_the_policy_before_its_update(separate):
    trainer, batch, *_ = separate
    packed = batch_of(trainer)
    for name in ("ref_per_token_logps", "old_per_token_logps"):
        assert (packed[name] - batch[name]).abs().max() < 1e-5
        assert batch[name].abs().max() > 1


def test_twenty_updates_end_in_the_same_weights(separate):
    trainer, batch, _, later = separate
    if later is None:
        pytest.skip("one tile or several, the language model is the same")
    found = weights_after(20, trainer, batch)
    assert (later - weights_of(trainer.model)).abs().max() > 1e-3
    assert (found - later).abs().max() < 1e-4


def test_activation_checkpointing_changes_nothing(separate):
    trainer, batch, plain, _ = separate
    trainer.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    try:
        assert_equal(scored(trainer, batch), plain)
    finally:
        trainer.model.gradient_checkpointing_disable()


def adapters():
    from peft import LoraConfig

    return LoraConfig(r=4, target_modules=r".*language_model\..*\.(q_proj|v_proj|up_proj)", task_type="CAUSAL_LM")


@pytest.mark.parametrize("kind", KINDS[:3])
def test_adapters_with_checkpointing(kind, tmp_path):
    """The reference is the model without them; its tower, like the policy's, is frozen and asked once."""
    trainer = trainer_on(kind, tmp_path, peft_config=adapters())
    for name, weight in trainer.model.named_parameters():
        if "lora_B" in name:  # fresh adapters add nothing
            torch.nn.init.normal_(weight, std=0.1)
    trainer.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    batch = batch_of(trainer)
    plain = scored(trainer, batch)
    trainer.share(whole=True)
    asked = []
    first_layer(trainer.model.get_base_model()).register_forward_hook(lambda *_: asked.append(1))
    again = batch_of(trainer)
    assert (again["ref_per_token_logps"] - batch["ref_per_token_logps"]).abs().max() < 1e-5
    assert_equal(scored(trainer, again), plain)
    assert len(asked) == 1


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A trainer of a frozen tower and a micro-batch for each group, with its batch and what TRL's own rows give."""
    sizes = {"per_device_train_batch_size": SIZE, "gradient_accumulation_steps": GROUPS}
    trainer = trainer_on("qwen2_5_vl", tmp_path_factory.mktemp("frozen"), freeze, **sizes)
    batch = batch_of(trainer)
    plain = scored(trainer, batch)
    torch.manual_seed(0)
    GRPOTrainer._prepare_inputs(trainer, groups_of(trainer))
    trainer._buffered_inputs = None
    return trainer, batch, plain, torch.get_rng_state()


def test_a_frozen_tower_is_asked_once_a_batch(frozen):
    """By the reference and the policy, in micro-batches too, and again for the next batch."""
    trainer, batch, plain, _ = frozen
    trainer.share(whole=True)
    asked = []
    for model in (trainer.model, trainer.ref_model):
        first_layer(model).register_forward_hook(lambda *_: asked.append(1))
    for _ in range(2):
        asked.clear()
        again = batch_of(trainer)  # a pass of the reference for each micro-batch
        assert len(asked) == GROUPS
        assert_equal(scored(trainer, again), plain)
        assert len(asked) == GROUPS
        assert (again["ref_per_token_logps"] - batch["ref_per_token_logps"]).abs().max() < 1e-5


def test_a_group_stays_in_one_micro_batch_and_the_random_state_is_trl_s(frozen):
    trainer, _, _, state = frozen
    torch.manual_seed(0)
    for group in range(GROUPS):
        part = trainer._prepare_inputs(groups_of(trainer))
        assert part["group"].tolist() == [group] * SIZE
        assert len(part["image_grid_thw"]) == SIZE
        assert int(part["image_grid_thw"].prod(-1).sum()) == len(part["pixel_values"])
        trainer._step += 1
    assert torch.equal(torch.get_rng_state(), state)


def test_first_equal_finds_repeats_in_any_order():
    a, b, longer = torch.tensor([1.0, 2]), torch.tensor([3.0, 4]), torch.tensor([1.0, 2, 3])
    assert first_equal([a, b, a.clone(), longer, b.clone(), longer]) == [0, 1, 0, 3, 1, 3]


def test_the_row_of_a_group_is_laid_out_as_drawn():
    """Two groups: 7 | a1 a2, 7 | b1 and 8 9 | c1; prompts end with 5; 0 is padding."""
    ids = torch.tensor([[0, 7, 5, 11, 12], [0, 7, 5, 21, 0], [8, 9, 5, 31, 0]])
    mask = torch.tensor([[0, 1, 1, 1, 1], [0, 1, 1, 1, 0], [1, 1, 1, 1, 0]])
    positions = torch.tensor([[0, 0, 1, 2, 3], [0, 1, 2, 3, 4]])
    packed = pack(ids, mask, 2, [4, 4, 2], positions)
    assert packed.ids.tolist() == [[0, 7, 5, 11, 5], [8, 9, 5, 5, 5]]
    assert packed.labels.tolist() == [[11, 12, 21], [31, -100, -100]]
    assert packed.positions.tolist() == [[0, 0, 1, 2, 1], [0, 1, 2, 0, 0]]
    seen = [[[k for k in range(5) if row[q, k]] for q in range(5)] for row in packed.mask[:, 0]]
    assert seen[0] == [[0], [1], [1, 2], [1, 2, 3], [1, 4]]
    assert seen[1][:3] == [[0], [0, 1], [0, 1, 2]]
    assert packed.unpack(torch.tensor([[1.0, 2, 3], [4, 5, 6]])).tolist() == [[1, 2], [3, 0], [4, 0]]
