"""The semantic half of MedGround-R1's reward: does the crop of the answered box agree with the target's name?

MedGround-R1 (MICCAI 2025) adds "semantic consistency" to spatial accuracy, judged by a medical CLIP. Its equations are
not public, and the published reward cannot run: it never looks at the answer, nor crops the image. So this is an
approximation. Known: a CLIP-type model, the text, and that it should tell good answers from bad ones. Ours: the crop is
that of the *answered* box, cut from the original image, and it earns CLIPScore without its factor (Hessel et al., EMNLP
2021): max(0, cos(crop, text)).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel, CLIPProcessor

from medloc.boxes import Box, ParseFailure
from medloc.models.load import BASES, NOT_THERE, TRUSTED, WEIGHTS, model_fingerprint, not_there
from medloc.spec.method import MethodSettings

SHIPPED = BASES / "clip_tiny"


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
        try:
            self.processor: Any = CLIPProcessor.from_pretrained(source, **TRUSTED)
            self.model: Any = (
                CLIPModel.from_pretrained(source, **TRUSTED, **WEIGHTS).eval().requires_grad_(False).to(device)
            )
        except NOT_THERE as error:
            raise not_there("method.semantic_model", source, error) from error

    def __call__(self, images: Sequence[Image.Image], boxes: Sequence[Box | ParseFailure], text: str) -> list[float]:
        """Returns max(0, cosine) in [0, 1] for each image's box; 0 where there is no box or nothing inside the image.

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
    """Cuts out the pixels that the box touches; None where it is degenerate, unordered or outside the image."""
    if not isinstance(box, Box) or not box.area:
        return None
    x0, y0 = max(0, math.floor(box.x0)), max(0, math.floor(box.y0))
    x1, y1 = min(image.width, math.ceil(box.x1)), min(image.height, math.ceil(box.y1))
    return image.crop((x0, y0, x1, y1)) if x0 < x1 and y0 < y1 else None


def semantic_fingerprint(settings: MethodSettings) -> str:
    """Returns 16 hex digits of the model's files or hub commit; "" for a method without a semantic reward."""
    if not settings.semantic_weight:
        return ""
    source = _source(settings)
    try:
        return model_fingerprint(source, CLIPConfig.from_pretrained(source))
    except NOT_THERE as error:
        raise not_there("method.semantic_model", source, error) from error
