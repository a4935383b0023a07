"""A segmentation network of torchvision with random weights, and the box around the mask it predicts."""

import hashlib
from math import isqrt
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model, list_models, segmentation
from torchvision.transforms.functional import pil_to_tensor

from medloc.boxes import AnswerGrid, Box
from medloc.data.formats.masks import choose_boxes, measure
from medloc.models.base import Family, LoadedModel
from medloc.spec.model import ModelSettings

MOMENTUM = 0.1
"""Of the running means: LR-ASPP's own 0.01 suits 10^5 steps, not hundreds."""


class Segmenter(nn.Module):
    """The network `name` of `torchvision.models.segmentation`; its one output channel is the foreground's logit."""

    def __init__(self, name: str, seed: int):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the GPUs as well
            self.net = get_model(name, weights=None, weights_backbone=None, num_classes=1)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = MOMENTUM

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """Return logits, images x side x side, and their mean binary cross-entropy with `labels` of that shape."""
        logits = self.net(pixels)["out"][:, 0]
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.binary_cross_entropy_with_logits(logits, labels), "logits": logits}


class SegmenterFamily(Family):
    """A network of torchvision that is trained from scratch, on images squashed to a square."""

    trainers = ("specialist",)
    answers_untrained = False
    example = "specialist_tiny"

    def load(self, settings: ModelSettings, seed: int) -> LoadedModel:
        """Return the network that `model.path` names, its weights drawn by `seed`."""
        known, grid = list_models(module=segmentation), grid_of(side_of(settings))
        if settings.path is None or settings.path not in known:
            raise ValueError(
                f"model.path={settings.path} is no segmentation network; torchvision has {', '.join(known)}."
            )
        drawn = hashlib.sha256(f"torchvision {settings.path}, random weights".encode())  # the run key holds the seed
        return LoadedModel(
            Segmenter(settings.path, seed).eval(), None, lambda width, height: grid, drawn.hexdigest()[:16]
        )


def side_of(settings: ModelSettings) -> int:
    """Return the side of the square to which images are squashed, in px: the root of `model.max_pixels`.

    Raises:
        ValueError: no area, one too small for the network's strides, or a lower bound beside it.
    """
    if settings.min_pixels is not None:
        raise ValueError(
            f"model.min_pixels={settings.min_pixels} has no meaning with model.family={settings.family}; drop it."
        )
    if settings.max_pixels is None or settings.max_pixels < 32 * 32:
        raise ValueError(f"model.max_pixels={settings.max_pixels} must be at least 1024, the area of 32 x 32 px.")
    return isqrt(settings.max_pixels)


def pixels_of(image: Image.Image, side: int) -> torch.Tensor:
    """Return an RGB image as 3 x side x side, squashed to the square, in [-1, 1]."""
    return pil_to_tensor(image.resize((side, side), Image.Resampling.BILINEAR)).float() / 127.5 - 1


def grid_of(side: int) -> AnswerGrid:
    """Return the grid on which every image is answered: pixels of the square."""
    return AnswerGrid("resized", side, side)


@torch.inference_mode()
def component_boxes(model: Any, pixels: torch.Tensor) -> list[Box | None]:
    """Return, per image, the box of the largest 8-connected component with probability above 1/2, on the grid.

    None where nothing is segmented. `pixels` are images x 3 x side x side, on any device.
    """
    device = next(model.parameters()).device
    masks = (model(pixels.to(device))["logits"] > 0).cpu().numpy()
    return [largest_box(mask) for mask in masks]


def largest_box(mask: np.ndarray) -> Box | None:
    """Return the half-open box of the largest 8-connected component of a bool mask; None where it is empty."""
    return next(iter(choose_boxes(measure(mask), "largest")), None)
