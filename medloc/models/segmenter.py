"""A plain segmentation network of torchvision with random weights, and the box of what it segments."""

import hashlib
from math import isqrt
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model, list_models, segmentation
from torchvision.transforms.functional import pil_to_tensor

from medloc.boxes import Box
from medloc.data.formats.mask import choose_boxes, measure
from medloc.models.family import AnswerGrid
from medloc.spec.model import ModelSettings

FAMILY = "torchvision"
MOMENTUM = 0.1  # of the running means; LR-ASPP's own 0.01 is for 10^5 steps, not for hundreds


class Segmenter(nn.Module):
    """A network of `torchvision.models.segmentation` with one output channel: the foreground's logit.

    Args:
        name: torchvision's name of the network.
        seed: draws its weights.
    """

    def __init__(self, name: str, seed: int):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = get_model(name, weights=None, weights_backbone=None, num_classes=1)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = MOMENTUM

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """Returns logits, images x side x side, and their mean binary cross-entropy with `labels` of that shape."""
        logits = self.net(pixels)["out"][:, 0]
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.binary_cross_entropy_with_logits(logits, labels), "logits": logits}


def load_segmenter(settings: ModelSettings, seed: int) -> Segmenter:
    """Draws the weights of the network that `model.path` names.

    Raises:
        ValueError: torchvision has no such segmentation network.
    """
    known = list_models(module=segmentation)
    if settings.path is None or settings.path not in known:
        raise ValueError(f"model.path={settings.path} is no segmentation network; torchvision has {', '.join(known)}.")
    return Segmenter(settings.path, seed)


def side_of(settings: ModelSettings) -> int:
    """Returns the side of the square to which images are squashed, in px: the root of `model.max_pixels`.

    Raises:
        ValueError: no area, one too small for the network's strides, or a lower bound beside it.
    """
    if settings.min_pixels is not None:
        raise ValueError(f"model.min_pixels={settings.min_pixels} has no meaning with model.family={FAMILY}; drop it.")
    if settings.max_pixels is None or settings.max_pixels < 32 * 32:
        raise ValueError(f"model.max_pixels={settings.max_pixels} must be at least 1024, the area of 32 x 32 px.")
    return isqrt(settings.max_pixels)


def segmenter_fingerprint(settings: ModelSettings) -> str:
    """Returns 16 hex digits of the network's name: what it starts from is that and the run's seed."""
    return hashlib.sha256(f"torchvision {settings.path}, random weights".encode()).hexdigest()[:16]


def pixels_of(image: Image.Image, side: int) -> torch.Tensor:
    """Returns an RGB image as 3 x side x side, squashed to the square, in [-1, 1]."""
    return pil_to_tensor(image.resize((side, side), Image.Resampling.BILINEAR)).float() / 127.5 - 1


def grid_of(side: int) -> AnswerGrid:
    """Returns the grid on which every image is answered: the network's own."""
    return AnswerGrid("resized", side, side)


@torch.inference_mode()
def component_boxes(model: Any, pixels: torch.Tensor) -> list[Box | None]:
    """Returns, per image, the box of the largest 8-connected component of probability above 1/2, on the grid.

    None where nothing is segmented.
    """
    device = next(model.parameters()).device
    masks = (model(pixels.to(device))["logits"] > 0).cpu().numpy()
    return [largest_box(mask) for mask in masks]


def largest_box(mask: np.ndarray) -> Box | None:
    """Returns the half-open box of the largest 8-connected component of a bool mask; None where it is empty."""
    return next(iter(choose_boxes(measure(mask), "largest")), None)
