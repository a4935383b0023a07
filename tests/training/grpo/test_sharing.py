"""Generation that runs a group's prompt once samples the same tokens."""

import numpy as np
import pytest
import torch

from medloc.data.prompts import PROMPTS
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.grpo.shared_prompts import share_prompts

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
    """A batch of left-padded prompts in random order, and what the plain model samples."""
    loaded = load(request.param)
    items = [draw_item(np.random.default_rng((3, i)), 0.6) for i in range(GROUPS)]
    order = torch.randperm(GROUPS * SIZE, generator=torch.Generator().manual_seed(0)).tolist()
    images = [items[i // SIZE].image for i in order]
    inputs = ask(loaded.processor, images)
    torch.manual_seed(1)
    with torch.no_grad():
        ids = loaded.model.generate(**inputs, max_new_tokens=ANSWER, do_sample=True, temperature=0.9, top_k=0)
    return {"name": request.param, "images": images, "inputs": inputs, "ids": ids}


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
