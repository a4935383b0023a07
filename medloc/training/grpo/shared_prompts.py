"""Generation computes the prompt once per group.

The hook wraps the forward of the backbone. Rows with equal images share a prefix. It is run once per image, and every
row gets a copy of its keys and values for the rest. The order of the rows does not matter.

Qwen2.5-VL takes its images as patches of one long sequence, with their grids; InternVL as square tiles. InternVL images
of several tiles take the ordinary path.
"""

from typing import Any

import torch
from transformers import DynamicCache

from medloc.training.grpo.shared_features import first_equal

Inputs = dict[str, Any]


def can_share(model: Any) -> bool:
    """Return whether this file supports the model's family; TRL's own path trains any other."""
    return model.config.model_type in ("qwen2_5_vl", "internvl")


def share_prompts(model: Any) -> None:
    """Make `model` (see `can_share`) run the prompt of rows with equal images once when it begins to generate.

    Batches in which no image repeats take the ordinary path. Call it once per model, after its trainer was made.
    """
    backbone = model.model
    plain = backbone.forward

    def forward(*args: Any, **inputs: Any) -> Any:
        source = [] if args else _sources(inputs)
        prefix = _common_prefix(backbone, inputs, source) if source else 0
        return _shared(backbone, plain, inputs, source, prefix) if prefix else plain(*args, **inputs)

    backbone.forward = forward


def _sources(inputs: Inputs) -> list[int]:
    """Return the first row with the same image for each row; [] where this batch takes the ordinary path."""
    ids, cache = inputs.get("input_ids"), inputs.get("past_key_values")
    if ids is None or cache is None or ids.shape != _mask(inputs).shape or cache.get_seq_length():
        return []
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


def _shared(backbone: Any, plain: Any, inputs: Inputs, source: list[int], prefix: int) -> Any:
    """Runs the prefix once per image and the rest per row."""
    ids, mask, cache = inputs["input_ids"], _mask(inputs), inputs["past_key_values"]
    kept = sorted(set(source))
    index = torch.tensor([kept.index(i) for i in source], device=ids.device)
    head = plain(**_rows(backbone, inputs, kept, prefix))
    common = head.past_key_values
    common.batch_select_indices(index)
    columns = ids.shape[1]
    states = head.last_hidden_state[index]
    if prefix < columns:
        tail = plain(
            input_ids=ids[:, prefix:],
            attention_mask=mask,
            position_ids=_positions(backbone, inputs, index, prefix),
            past_key_values=common,
            use_cache=True,
        )
        states = torch.cat([states, tail.last_hidden_state], dim=1)
    for number, layer in enumerate(common.layers):  # generation's own cache is still empty: it goes on from here
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
