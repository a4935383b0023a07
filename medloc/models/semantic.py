"""The semantic half of MedGround-R1's reward: how well the crop of the answered box agrees with the target's name.

MedGround-R1 (MICCAI 2025) adds "semantic consistency", judged by a medical CLIP, to spatial accuracy. Its equations are
not public, and its published reward code neither reads the answer nor crops the image. This is an approximation.
Known: a CLIP-type model, the text, and that good answers should earn more than bad ones. Ours: the *answered* box is
cropped from the original image and earns CLIPScore without its factor (Hessel et al., EMNLP 2021): max(0, cos(crop,
text)).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel, CLIPProcessor

from medloc.boxes import Box, ParseFailure
from medloc.models.base import BASES, load_part, load_weights, model_fingerprint
from medloc.spec.run import MethodSettings

SHIPPED = BASES / "clip_tiny"
KEY = "method.semantic_model"


class SemanticReward:
    """Agreement of crops with a text, by a CLIP model that is loaded once and never trained.

    Args:
        settings: `semantic_model` is a folder or hub id of a transformers CLIPModel with its processor; None = the tiny
            one shipped with medloc.
        device: where it computes.

    Raises:
        FileNotFoundError: there is no such model.
    """

    def __init__(self, settings: MethodSettings, device: torch.device | str = "cpu"):
        source = _source(settings)
        self.processor: Any = load_part(CLIPProcessor, source, KEY)
        self.model: Any = load_weights(CLIPModel, source, KEY).eval().requires_grad_(False).to(device)

    def __call__(self, images: Sequence[Image.Image], boxes: Sequence[Box | ParseFailure], text: str) -> list[float]:
        """Return max(0, cosine) in [0, 1] for each image's box; 0 where there is no box or nothing inside the image.

        Args:
            images: original images, RGB.
            boxes: the answered box in px of the original image, or why there is none, one per image.
            text: the target's name.
        """
        crops = [_crop(image, box) for image, box in zip(images, boxes, strict=True)]
        kept = [crop for crop in crops if crop is not None]
        if not kept:
            return [0.0] * len(crops)
        batch = self.processor(text=[text], images=kept, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            out = self.model(**batch.to(self.model.device))
        cosines = torch.nn.functional.cosine_similarity(out.image_embeds, out.text_embeds).clamp(0, 1).tolist()
        scores = iter(cosines)
        return [0.0 if crop is None else next(scores) for crop in crops]


def _source(settings: MethodSettings) -> str:
    if settings.semantic_model is None and not (SHIPPED / "config.json").is_file():
        raise FileNotFoundError(
            "method.semantic_model=null: no CLIP model is shipped; give a folder or hub id, or make one with "
            "`python -m medloc.pretrain model=clip_tiny`."
        )
    return settings.semantic_model or str(SHIPPED)


def _crop(image: Image.Image, box: Box | ParseFailure) -> Image.Image | None:
    """Return the pixels that the box touches; None where it is degenerate, unordered or outside the image."""
    if not isinstance(box, Box) or not box.area:
        return None
    x0, y0 = max(0, math.floor(box.x0)), max(0, math.floor(box.y0))
    x1, y1 = min(image.width, math.ceil(box.x1)), min(image.height, math.ceil(box.y1))
    return image.crop((x0, y0, x1, y1)) if x0 < x1 and y0 < y1 else None


def semantic_fingerprint(settings: MethodSettings) -> str:
    """Return 16 hex digits of the model's files or hub commit; "" for a method without a semantic reward."""
    if not settings.semantic_weight:
        return ""
    source = _source(settings)
    return model_fingerprint(source, load_part(CLIPConfig, source, KEY))
