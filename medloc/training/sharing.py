"""Encode each image once per group: a group's G completions look at one image, so its features are computed once.

The hook sits on the vision tower's forward, the one place through which generation, policy and reference pass; the
features are repeated after encoding, so gradients are those of G separate passes up to rounding.
"""

from itertools import pairwise
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling


def share_images(model: Any) -> None:
    """Makes `model` (Qwen2.5-VL) encode runs of equal images in one batch once; nothing else changes."""
    visual = model.model.visual
    encode = visual.forward

    def forward(hidden_states: torch.Tensor, grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        patches = hidden_states.split(grid_thw.prod(-1).tolist())
        first = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(patches)) if not _same(a, b))]
        if len(first) == len(patches):
            return encode(hidden_states, grid_thw=grid_thw, **kwargs)
        encoded = encode(torch.cat([patches[i] for i in first]), grid_thw=grid_thw[first], **kwargs)
        tokens = (grid_thw[first].prod(-1) // visual.spatial_merge_size**2).tolist()
        repeats = [end - begin for begin, end in pairwise([*first, len(patches)])]
        features = encoded.pooler_output.split(tokens)
        repeated = [feature for feature, times in zip(features, repeats, strict=True) for _ in range(times)]
        return BaseModelOutputWithPooling(pooler_output=torch.cat(repeated))

    visual.forward = forward


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)
