"""Encode each distinct image of a batch once, and with a frozen vision tower once for all passes over the batch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from medloc.models.vlm import vision_tower

Features = tuple[torch.Tensor, ...]
"""What the tower says about one image: its output, and for Qwen3-VL that of the layers below."""


class FrozenFeatures:
    """A frozen vision tower's features of a batch's images.

    Generation, the policy's pass and the reference's look at the same few images, and a frozen tower is the same in
    policy and reference.
    """

    def __init__(self) -> None:
        self._known: list[tuple[torch.Tensor, Features]] = []

    def forget(self) -> None:
        """Begin with another batch."""
        self._known = []

    def of(self, images: Sequence[torch.Tensor], encode: Callable[[list[int]], Sequence[Features]]) -> list[Features]:
        """Return the features of every image.

        Args:
            images: distinct images, as the tower takes them.
            encode: runs the tower on the images with these indices; features in the same order.
        """
        found = [self._find(image) for image in images]
        unknown = [index for index, features in enumerate(found) if features is None]
        for index, features in zip(unknown, encode(unknown) if unknown else (), strict=True):
            found[index] = tuple(each.detach() for each in features)
            self._known.append((images[index].clone(), found[index]))  # type: ignore[arg-type]
        return [features for features in found if features is not None]

    def _find(self, image: torch.Tensor) -> Features | None:
        alike = (f for known, f in self._known if known.shape == image.shape and torch.equal(known, image))
        return next(alike, None)


def frozen_features(model: Any) -> FrozenFeatures | None:
    """Return a cache for `model` and its reference where the vision tower is frozen; None otherwise."""
    return None if any(weight.requires_grad for weight in vision_tower(model).parameters()) else FrozenFeatures()


def share_features(model: Any, frozen: FrozenFeatures | None = None) -> None:
    """Make the vision tower of `model` encode equal images of a pass once. Call it once per model.

    Args:
        model: policy or reference, of a family of `medloc.models.vlm`.
        frozen: the cache of a frozen tower's features, the same for both.
    """
    tower = vision_tower(model)
    if hasattr(model.model, "visual"):
        tower.forward = _of_patches(tower, tower.forward, frozen)
    elif model.config.vision_feature_layer == -1:
        tower.forward = _of_tiles(tower.forward, frozen)


def _of_patches(tower: Any, plain: Callable[..., Any], frozen: FrozenFeatures | None) -> Callable[..., Any]:
    """Qwen's: images are patches of one long sequence, with their grids."""

    def forward(hidden_states: torch.Tensor, grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        images = hidden_states.split(grid_thw.prod(-1).tolist())

        def encode(which: list[int]) -> list[Features]:
            encoded = plain(torch.cat([images[i] for i in which]), grid_thw=grid_thw[which], **kwargs)
            lengths = (grid_thw[which].prod(-1) // tower.spatial_merge_size**2).tolist()
            layers = [encoded.pooler_output, *(getattr(encoded, "deepstack_features", None) or [])]
            return list(zip(*(layer.split(lengths) for layer in layers), strict=True))

        shared = _shared(images, encode, frozen)
        if shared is None:
            return plain(hidden_states, grid_thw=grid_thw, **kwargs)
        pooled, *below = map(torch.cat, zip(*shared, strict=True))
        if not hasattr(tower, "deepstack_visual_indexes"):
            return BaseModelOutputWithPooling(pooler_output=pooled)
        return BaseModelOutputWithDeepstackFeatures(pooler_output=pooled, deepstack_features=below)

    return forward


def _of_tiles(plain: Callable[..., Any], frozen: FrozenFeatures | None) -> Callable[..., Any]:
    """InternVL's: images are square tiles."""

    def forward(pixel_values: torch.Tensor, **kwargs: Any) -> Any:
        def encode(which: list[int]) -> list[Features]:
            return [(one,) for one in plain(pixel_values=pixel_values[which], **kwargs).last_hidden_state]

        shared = _shared(list(pixel_values), encode, frozen)
        if shared is None:
            return plain(pixel_values=pixel_values, **kwargs)
        return BaseModelOutputWithPooling(last_hidden_state=torch.stack([one for (one,) in shared]))

    return forward


def _shared(
    images: Sequence[torch.Tensor], encode: Callable[[list[int]], Sequence[Features]], frozen: FrozenFeatures | None
) -> list[Features] | None:
    """Return the features of every image; None where there is nothing to share."""
    source = first_equal(images)
    kept = sorted(set(source))
    if len(kept) == len(images) and frozen is None:
        return None
    of_kept: Callable[[list[int]], Sequence[Features]] = lambda which: encode([kept[i] for i in which])  # noqa: E731
    found = frozen.of([images[i] for i in kept], of_kept) if frozen else of_kept(list(range(len(kept))))
    return [found[kept.index(i)] for i in source]


def first_equal(items: Sequence[torch.Tensor]) -> list[int]:
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
