"""Compute once per group what a group's G completions have in common: the image's features and the prompt.

The hooks wrap the forward of the vision tower and of the backbone. Generation, policy and reference all call these, so
no trainer code is copied. Rows with equal images share a prefix: everything before their completions differ. The prefix
is run once per image, and every row gets a copy of its keys and values for the rest. Gradients are those of separate
passes up to rounding. The order of the rows does not matter.

Qwen2.5-VL takes its images as patches of one long sequence, with their grids; InternVL as square tiles. InternVL images
of several tiles take the ordinary path.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPooling

Inputs = dict[str, Any]


class FrozenFeatures:
    """A frozen vision tower's features of the last batch's images, computed once per batch.

    Generation, the policy's pass and the reference's look at the same few images, and a frozen tower is the same in
    policy and reference.
    """

    def __init__(self) -> None:
        self._known: list[tuple[torch.Tensor, torch.Tensor]] = []

    def of(
        self, images: Sequence[torch.Tensor], encode: Callable[[list[int]], Sequence[torch.Tensor]]
    ) -> list[torch.Tensor]:
        """Return the features of every image.

        Args:
            images: the distinct images of a batch, as patches.
            encode: runs the tower on the images with these indices; features in the same order.
        """
        found = [self._find(image) for image in images]
        unknown = [index for index, features in enumerate(found) if features is None]
        for index, features in zip(unknown, encode(unknown) if unknown else (), strict=True):
            found[index] = features.detach()
        whole = [features for features in found if features is not None]
        self._known = list(zip(images, whole, strict=True))
        return whole

    def _find(self, image: torch.Tensor) -> torch.Tensor | None:
        alike = (f for known, f in self._known if known.shape == image.shape and torch.equal(known, image))
        return next(alike, None)


def frozen_features(model: Any) -> FrozenFeatures | None:
    """Return a cache for `model` and its reference where its tower is Qwen2.5-VL's and frozen; None otherwise."""
    tower = getattr(model.model, "visual", None)
    trained = tower is None or any(weight.requires_grad for weight in tower.parameters())
    return None if trained else FrozenFeatures()


def can_share(model: Any) -> bool:
    """Return whether this file supports the model's family; TRL's own path trains any other."""
    return model.config.model_type in ("qwen2_5_vl", "internvl")


def share_prompts(model: Any, frozen: FrozenFeatures | None = None) -> None:
    """Make `model` (see `can_share`) encode equal images once and run the prompt of rows with equal images once.

    Batches in which no image repeats take the ordinary path. Call it once per model, after its trainer was made.

    Args:
        model: policy or reference.
        frozen: the cache of a frozen tower's features, the same for both.
    """
    backbone = model.model
    if hasattr(backbone, "visual"):
        _share_encoding(backbone.visual, frozen)
    else:
        _share_tiles(backbone)
    plain, scored = backbone.forward, model.forward
    wanted: list[int] = []  # number of trailing columns that the current pass needs; empty = all

    def forward(*args: Any, **inputs: Any) -> Any:
        source = [] if args else _sources(backbone, inputs)
        prefix = _common_prefix(backbone, inputs, source) if source else 0
        if prefix:
            return _shared(backbone, plain, inputs, source, prefix, wanted[0] if wanted else None)
        output = plain(*args, **inputs)
        if wanted:
            output.last_hidden_state = output.last_hidden_state[:, -wanted[0] :]
        return output

    @wraps(scored)  # generation reads the signature
    def score(*args: Any, **inputs: Any) -> Any:
        """Score the labelled columns only: without Triton, TRL's fused head runs over every column."""
        columns = _labelled(inputs)
        if columns is None:
            return scored(*args, **inputs)
        wanted[:] = [columns]
        try:
            return scored(*args, **{**inputs, "labels": inputs["labels"][:, -columns:]})
        finally:
            wanted.clear()

    backbone.forward, model.forward = forward, score


def _labelled(inputs: Inputs) -> int | None:
    """Return how many trailing columns TRL's fused head has to see: the labelled ones and the one before."""
    if not inputs.get("fused_lm_head") or inputs.get("labels") is None or inputs.get("shift_labels") is not None:
        return None
    labelled = (inputs["labels"] != -100).any(0).nonzero()
    return inputs["labels"].shape[1] - max(0, int(labelled[0]) - 1) if len(labelled) else None


def _share_encoding(visual: Any, frozen: FrozenFeatures | None) -> None:
    plain = visual.forward

    def forward(hidden_states: torch.Tensor, grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        patches = hidden_states.split(grid_thw.prod(-1).tolist())
        source = first_equal(patches)
        kept = sorted(set(source))
        if len(kept) == len(patches) and frozen is None:
            return plain(hidden_states, grid_thw=grid_thw, **kwargs)

        def encode(which: list[int]) -> Any:
            grids = grid_thw[[kept[i] for i in which]]
            encoded = plain(torch.cat([patches[kept[i]] for i in which]), grid_thw=grids, **kwargs)
            return encoded.pooler_output.split((grids.prod(-1) // visual.spatial_merge_size**2).tolist())

        everything = list(range(len(kept)))
        found = frozen.of([patches[i] for i in kept], encode) if frozen else encode(everything)
        features = dict(zip(kept, found, strict=True))
        return BaseModelOutputWithPooling(pooler_output=torch.cat([features[i] for i in source]))

    visual.forward = forward


def _share_tiles(backbone: Any) -> None:
    plain = backbone.get_image_features

    def get_image_features(pixel_values: torch.Tensor, **kwargs: Any) -> Any:
        source = first_equal(list(pixel_values))
        kept = sorted(set(source))
        encoded = plain(pixel_values=pixel_values[kept], **kwargs)
        encoded.pooler_output = encoded.pooler_output[[kept.index(i) for i in source]]
        return encoded

    backbone.get_image_features = get_image_features


def first_equal(items: tuple[torch.Tensor, ...] | list[torch.Tensor]) -> list[int]:
    """Returns, for each tensor, the index of the first one equal to it."""
    found: dict[tuple[Any, ...], list[int]] = {}
    source = []
    for index, item in enumerate(items):
        few = item.flatten()[:: max(1, item.numel() // 8)].tolist()  # only those that agree here are compared in full
        alike = found.setdefault((item.shape, *few), [])
        match = next((i for i in alike if torch.equal(items[i], item)), index)
        if match == index:
            alike.append(index)
        source.append(match)
    return source


def _sources(backbone: Any, inputs: Inputs) -> list[int]:
    """Return the first row with the same image for each row; [] where this batch takes the ordinary path."""
    ids, cache = inputs.get("input_ids"), inputs.get("past_key_values")
    if ids is None or ids.shape != _mask(inputs).shape or (cache is not None and cache.get_seq_length()):
        return []
    if backbone.training and backbone.is_gradient_checkpointing:
        return []  # checkpointing switches the cache off
    images = _images(inputs)
    source = first_equal(images) if len(images) == len(ids) else []
    return source if len(set(source)) < len(source) else []


def _mask(inputs: Inputs) -> torch.Tensor:
    """Return the attention mask; generation leaves it out where no prompt is padded."""
    mask = inputs.get("attention_mask")
    return torch.ones_like(inputs["input_ids"]) if mask is None else mask


def _images(inputs: Inputs) -> list[torch.Tensor]:
    """Return one tensor per image or tile: its pixels, or its features where they were computed beforehand."""
    features = (inputs.get("mm_encoder_outputs") or {}).get("image")
    if features is not None:
        return list(features.pooler_output)
    if inputs.get("pixel_values") is None:
        return []
    if inputs.get("image_grid_thw") is None:
        return list(inputs["pixel_values"])
    return list(inputs["pixel_values"].split(inputs["image_grid_thw"].prod(-1).tolist()))


def _common_prefix(backbone: Any, inputs: Inputs, source: list[int]) -> int:
    """Return how many leading columns every row shares with its source; 0 if an image would not fit in them."""
    ids, mask = inputs["input_ids"], _mask(inputs)
    same = ((ids == ids[source]) & (mask == mask[source])).all(0)
    prefix = int(same.long().cumprod(0).sum())
    return 0 if (ids[:, prefix:] == backbone.config.image_token_id).any() else prefix


def _shared(backbone: Any, plain: Any, inputs: Inputs, source: list[int], prefix: int, wanted: int | None) -> Any:
    """Runs the prefix once per image and the rest per row; returns the states of the last `wanted` columns."""
    ids, mask, cache = inputs["input_ids"], _mask(inputs), inputs.get("past_key_values")
    kept = sorted(set(source))
    index = torch.tensor([kept.index(i) for i in source], device=ids.device)
    head = plain(**_rows(backbone, inputs, kept, prefix))
    common = head.past_key_values
    common.batch_select_indices(index)
    columns = ids.shape[1]
    states = head.last_hidden_state[:, columns - (wanted or columns) :][index]
    if prefix < columns:
        tail = plain(
            input_ids=ids[:, prefix:],
            attention_mask=mask,
            position_ids=_positions(backbone, inputs, index, prefix),
            past_key_values=common,
            use_cache=True,
        )
        states = torch.cat([states, tail.last_hidden_state], dim=1)[:, -(wanted or columns) :]
    if cache is not None:  # generation's own cache, still empty: it goes on from here
        for number, layer in enumerate(common.layers):
            cache.update(layer.keys, layer.values, number)
    return type(head)(last_hidden_state=states, past_key_values=cache)


def _positions(backbone: Any, inputs: Inputs, index: torch.Tensor, prefix: int) -> torch.Tensor | None:
    """Return the positions of the columns after the prefix; None = the model counts on from the cache itself."""
    if hasattr(backbone, "rope_deltas"):
        positions = _mask(inputs).long().cumsum(-1) - 1 + backbone.rope_deltas[index]
        return positions[None, :, prefix:].expand(3, -1, -1)
    return None if inputs.get("position_ids") is None else inputs["position_ids"][:, prefix:]


def _rows(backbone: Any, inputs: Inputs, kept: list[int], prefix: int) -> Inputs:
    """Return the backbone's inputs for the kept rows, up to the prefix."""
    images = _images(inputs)
    rows: Inputs = {
        "input_ids": inputs["input_ids"][kept, :prefix],
        "attention_mask": _mask(inputs)[kept, :prefix],
        "past_key_values": DynamicCache(config=backbone.config.get_text_config()),
        "use_cache": True,
    }
    tiles = hasattr(backbone, "vision_tower")
    if inputs.get("pixel_values") is not None:
        rows["pixel_values"] = inputs["pixel_values"][kept] if tiles else torch.cat([images[i] for i in kept])
        if not tiles:
            rows["image_grid_thw"] = inputs["image_grid_thw"][kept]
    else:
        features = inputs["mm_encoder_outputs"]["image"]
        pooled = features.pooler_output[kept] if tiles else tuple(images[i] for i in kept)
        rows["mm_encoder_outputs"] = {"image": type(features)(pooler_output=pooled)}
    if inputs.get("mm_token_type_ids") is not None:
        rows["mm_token_type_ids"] = inputs["mm_token_type_ids"][kept, :prefix]
    if inputs.get("position_ids") is not None:
        rows["position_ids"] = inputs["position_ids"][..., kept, :prefix]
    return {**{k: v for k, v in inputs.items() if k not in rows and k not in _PER_ROW}, **rows}


_PER_ROW = ("mm_encoder_outputs", "position_ids", "mm_token_type_ids", "pixel_values", "image_grid_thw")
