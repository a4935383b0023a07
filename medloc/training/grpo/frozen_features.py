"""A vision tower that is not trained says the same of an image in every pass: it is asked once a batch.

Generation, the policy's pass and the reference's look at the same few images; policy and reference have the same tower
where it is frozen. What the tower said is kept until the next batch's images come.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch


class FrozenFeatures:
    """The images of the last batch, as patches, and what the tower made of each."""

    def __init__(self) -> None:
        self._known: list[tuple[torch.Tensor, torch.Tensor]] = []

    def of(
        self, images: Sequence[torch.Tensor], encode: Callable[[list[int]], Sequence[torch.Tensor]]
    ) -> list[torch.Tensor]:
        """Returns the features of every image.

        Args:
            images: the distinct images of a batch, as patches.
            encode: asks the tower about the images with these indices; features in the same order.
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
    """Returns a memory for `model` and its reference where its tower is Qwen2.5-VL's and frozen; None otherwise."""
    tower = getattr(model.model, "visual", None)
    trained = tower is None or any(weight.requires_grad for weight in tower.parameters())
    return None if trained else FrozenFeatures()
