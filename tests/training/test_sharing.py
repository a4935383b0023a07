"""Sharing a group's image and prompt changes where work is done, not what comes out."""

import numpy as np
import pytest
import torch
from trl.trainer.utils import add_fused_lm_head

from medloc.data.prompts import PROMPTS
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.grpo.frozen_features import frozen_features
from medloc.training.grpo.shared_prompts import first_equal, share_prompts

GROUPS, SIZE, ANSWER = 3, 4, 10


def load(name):
    return load_model(compose_job([f"model={name}"]).settings.model)


def ask(processor, images):
    """The same question about every image, padded on the left."""
    content = [{"type": "image"}, {"type": "text", "text": PROMPTS["heel"]}]
    question = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    return processor(
        text=[question] * len(images), images=images, padding=True, padding_side="left", return_tensors="pt"
    )


@pytest.fixture(scope="module", params=["tiny_s", "internvl_tiny"])
def rollout(request):
    """A batch of completions as TRL scores it: left-padded prompts, right-padded answers, rows in random order."""
    loaded = load(request.param)
    processor = loaded.processor
    items = [draw_item(np.random.default_rng((3, i)), 0.6) for i in range(GROUPS)]
    order = torch.randperm(GROUPS * SIZE, generator=torch.Generator().manual_seed(0)).tolist()
    images = [items[i // SIZE].image for i in order]
    inputs = ask(processor, images)
    torch.manual_seed(1)
    with torch.no_grad():
        ids = loaded.model.generate(**inputs, max_new_tokens=ANSWER, do_sample=True, temperature=0.9, top_k=0)
    answers = ids[:, inputs["input_ids"].shape[1] :]
    padded = (answers != processor.tokenizer.pad_token_id).long()
    labels = torch.cat([torch.full_like(inputs["input_ids"], -100), answers.masked_fill(padded == 0, -100)], 1)
    pixels = {name: inputs[name] for name in ("pixel_values", "image_grid_thw") if name in inputs}
    if "mm_token_type_ids" in inputs:
        pixels["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(answers)], 1)
    return {
        "name": request.param,
        "images": images,
        "inputs": inputs,
        "ids": ids,
        "forward": {
            "input_ids": ids,
            "attention_mask": torch.cat([inputs["attention_mask"], padded], 1),
            **pixels,
            "labels": labels,
            "fused_lm_head": True,
        },
    }


def model_of(rollout, share, weights=None):
    model = load(rollout["name"]).model.train()
    add_fused_lm_head(model, temperature=0.9)
    if weights:
        model.load_state_dict(weights)
    if share:
        share_prompts(model)
    return model


def scored(rollout, share, weights=None):
    model = model_of(rollout, share, weights)
    calls = []
    model.model.language_model.register_forward_hook(lambda m, a, out: calls.append(out.last_hidden_state.shape[:2]))
    logps = model(**rollout["forward"]).log_probs[:, -ANSWER:]
    (logps * torch.linspace(-1, 1, logps.numel()).view(logps.shape)).sum().backward()
    return logps.detach(), torch.cat([p.grad.flatten() for p in model.parameters()]), calls


def test_log_probabilities_and_gradients_are_those_of_the_plain_model(rollout):
    plain, plain_gradient, _ = scored(rollout, share=False)
    shared, shared_gradient, _ = scored(rollout, share=True)
    assert (plain - shared).abs().max() < 1e-5
    assert (plain_gradient - shared_gradient).norm() / plain_gradient.norm() < 1e-4


def test_the_prompt_is_run_once_per_image(rollout):
    columns = rollout["ids"].shape[1]
    _, _, calls = scored(rollout, share=True)
    (head_rows, prefix), (tail_rows, rest) = calls
    assert head_rows == GROUPS
    assert tail_rows == GROUPS * SIZE
    assert prefix + rest == columns
    assert rest <= ANSWER


def test_generation_samples_the_same_tokens(rollout):
    model = load(rollout["name"]).model
    share_prompts(model)
    torch.manual_seed(1)
    with torch.no_grad():
        ids = model.generate(**rollout["inputs"], max_new_tokens=ANSWER, do_sample=True, temperature=0.9, top_k=0)
    assert torch.equal(ids, rollout["ids"])


@pytest.mark.parametrize("padded", [True, False])
def test_generation_runs_the_prompt_once_per_image(rollout, padded):
    loaded = load(rollout["name"])
    share_prompts(loaded.model)
    images = rollout["images"] if padded else [one.resize((112, 112)) for one in rollout["images"]]
    same = {id(image): copy for image, copy in zip(rollout["images"], images, strict=True)}
    inputs = ask(loaded.processor, [same[id(image)] for image in rollout["images"]])
    assert bool((inputs["attention_mask"] == 0).any()) == (padded and rollout["name"] == "tiny_s")
    rows = []
    loaded.model.model.language_model.register_forward_hook(lambda m, a, out: rows.append(len(out.last_hidden_state)))
    with torch.no_grad():
        loaded.model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert rows == [GROUPS, GROUPS * SIZE, GROUPS * SIZE]


def test_different_images_take_the_ordinary_path(rollout):
    loaded = load(rollout["name"])
    first = {k: v[:1] for k, v in rollout["forward"].items() if k not in ("pixel_values", "labels", "fused_lm_head")}
    patches = int(first["image_grid_thw"].prod()) if "image_grid_thw" in first else 1
    first["pixel_values"] = rollout["forward"]["pixel_values"][:patches]
    with torch.no_grad():
        plain = loaded.model(**first).logits
        share_prompts(loaded.model)
        shared = loaded.model(**first).logits
    assert torch.equal(plain, shared)


def test_first_equal_finds_repeats_in_any_order():
    a, b, longer = torch.tensor([1.0, 2]), torch.tensor([3.0, 4]), torch.tensor([1.0, 2, 3])
    assert first_equal([a, b, a.clone(), longer, b.clone(), longer]) == [0, 1, 0, 3, 1, 3]


def weights_after(updates, rollout, share):
    """The policy's weights after some of GRPO's updates on the same completions."""
    model = model_of(rollout, share)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
    advantages = torch.linspace(-1.5, 1.5, len(rollout["ids"]))[:, None]
    kept = rollout["forward"]["labels"][:, -ANSWER:] != -100
    for _ in range(updates):
        logps = model(**rollout["forward"]).log_probs[:, -ANSWER:]
        (-(advantages * (logps - logps.detach()).exp() * kept).sum() / kept.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model.state_dict()


def test_twenty_updates_later_they_are_still_those_of_the_plain_model(rollout):
    start, _, _ = scored(rollout, share=False)
    weights = weights_after(20, rollout, share=True)
    plain, plain_gradient, _ = scored(rollout, False, weights)
    shared, shared_gradient, _ = scored(rollout, True, weights)
    assert (plain - start).abs().max() > 0.1  # it went somewhere
    assert (plain - shared).abs().max() < 1e-5
    assert (plain_gradient - shared_gradient).norm() / plain_gradient.norm() < 1e-4
    alone, _, _ = scored(rollout, False, weights_after(20, rollout, share=False))
    assert (alone - shared).abs().max() < 1e-3  # two runs of their own: Adam makes much of what rounding left


def test_a_frozen_tower_is_asked_once_for_generation_policy_and_reference(rollout):
    policy, reference = (model_of(rollout, share=False) for _ in range(2))
    if rollout["name"] != "tiny_s":
        assert frozen_features(policy) is None
        return
    assert frozen_features(policy) is None  # trained
    policy.model.visual.requires_grad_(False)
    plain = [model(**rollout["forward"]).log_probs[:, -ANSWER:] for model in (policy, reference)]
    plain[0].sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in policy.parameters() if p.requires_grad])
    policy.zero_grad()

    frozen, asked = frozen_features(policy), []
    for model in (policy, reference):
        share_prompts(model, frozen)
        model.model.visual.blocks[0].register_forward_hook(lambda *_: asked.append(1))
    with torch.no_grad():
        policy.generate(**rollout["inputs"], max_new_tokens=2, do_sample=False)
        shared_reference = reference(**rollout["forward"]).log_probs[:, -ANSWER:]
    shared = policy(**rollout["forward"]).log_probs[:, -ANSWER:]
    shared.sum().backward()
    assert len(asked) == 1
    assert (plain[0] - shared).abs().max() < 1e-5
    assert (plain[1] - shared_reference).abs().max() < 1e-5
    again = torch.cat([p.grad.flatten() for p in policy.parameters() if p.requires_grad])
    assert (gradient - again).norm() / gradient.norm() < 1e-4
