"""The miniature CLIP: the genuine classes at 0.21 million parameters, and the crops and captions it learns from.

It replaces the medical CLIP of MedGround-R1's semantic reward. It is trained on crops of general shapes with captions
that say how much of the object a crop shows. The object is named after the data sets' targets, at random. After
pre-training a target's name is a known word without a picture: a crop agrees with "skin lesion" as far as it shows one
whole object. Unlike a published medical CLIP, the miniature does not know what a skin lesion looks like.
`python -m medloc.pretrain model=clip_tiny` trains it.
"""

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

from medloc.boxes import Box, iou
from medloc.models.tiny.shapes import ShapeItem
from medloc.models.tiny.vlm import whole_text_backend

SIDE, PATCH = 48, 8  # px
CAPTIONS = {
    "whole": "{target}",  # the object and at most three times its area around it
    "part": "part of the {target}",  # the crop's border cuts away at least half of the object
    "small": "a small {target} and much around it",  # at least eight times its area around it
    "none": "no {target}",  # apart from the object
}
SPECIAL = ("<|pad|>", "<|startoftext|>", "<|endoftext|>")
TEXT_LENGTH = 64


@dataclass(frozen=True)
class CropItem:
    """One pre-training item: a crop, and which of `CAPTIONS` says what it shows."""

    image: Image.Image
    caption: str


def draw_crop(rng: np.random.Generator, item: ShapeItem) -> CropItem:
    """Draw a crop of an image of shapes, each caption that its object allows with equal probability."""
    for name in rng.permutation(list(CAPTIONS)):
        for _ in range(20):
            box = _propose(rng, str(name), item)
            if caption_for(box, item.box) == name:
                return CropItem(_cut(item.image, box), str(name))
    return CropItem(_cut(item.image, item.box), "whole")  # a tight crop always is


def _cut(image: Image.Image, box: Box) -> Image.Image:
    return image.crop((box.x0, box.y0, box.x1, box.y1))


def _propose(rng: np.random.Generator, name: str, item: ShapeItem) -> Box:
    """Draw a crop that the caption may fit: whole px, at least 6 px a side, within the image."""
    (width, height), box = item.image.size, item.box
    low, high = {"whole": (1.0, 2.0), "part": (0.3, 1.5), "small": (3.0, 8.0), "none": (0.3, 3.0)}[name]
    w, h = box.width * rng.uniform(low, high), box.height * rng.uniform(low, high)
    if name == "none":
        x, y = rng.uniform(0, width), rng.uniform(0, height)
    else:
        x = box.x0 + rng.uniform(0, 1) * (box.width - w) + (rng.uniform(-1, 1) * box.width if name == "part" else 0)
        y = box.y0 + rng.uniform(0, 1) * (box.height - h) + (rng.uniform(-1, 1) * box.height if name == "part" else 0)
    x0, y0 = float(np.clip(np.floor(x), 0, width - 6)), float(np.clip(np.floor(y), 0, height - 6))
    x1, y1 = float(np.clip(np.ceil(x + w), x0 + 6, width)), float(np.clip(np.ceil(y + h), y0 + 6, height))
    return Box(x0, y0, x1, y1)


def caption_for(crop: Box, box: Box) -> str | None:
    """Return which of `CAPTIONS` describes a crop, given the object's box in the same px; None between two of them."""
    overlap = Box(max(crop.x0, box.x0), max(crop.y0, box.y0), min(crop.x1, box.x1), min(crop.y1, box.y1)).area
    shown = overlap / box.area
    if shown == 0.0:
        return "none"
    if shown <= 0.5:
        return "part"
    if shown < 1.0:
        return None
    return "whole" if iou(crop, box) >= 1 / 4 else "small" if iou(crop, box) <= 1 / 9 else None


def tiny_clip_processor(targets: list[str]) -> CLIPProcessor:
    """Build the processor: crops stretched to 48 x 48 px, a tokenizer with the captions' words as single tokens."""
    captions = [caption.format(target=target) for caption in CAPTIONS.values() for target in targets]
    words = dict.fromkeys(word for caption in captions for word in re.findall(r"\s?\S+", caption))
    backend = whole_text_backend(SPECIAL, list(words))
    backend.post_processor = TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>",
        special_tokens=[(token, backend.token_to_id(token)) for token in SPECIAL[1:]],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=SPECIAL[0],
        bos_token=SPECIAL[1],
        eos_token=SPECIAL[2],
        clean_up_tokenization_spaces=False,
        model_max_length=TEXT_LENGTH,
    )
    size = {"height": SIDE, "width": SIDE}
    return CLIPProcessor(CLIPImageProcessor(size=size, do_center_crop=False), tokenizer)


def tiny_clip_model(processor: CLIPProcessor) -> CLIPModel:
    """Build the model with random weights, for `processor`."""
    tokenizer = processor.tokenizer
    tower = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "projection_dim": 32}
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    return CLIPModel(
        CLIPConfig(
            text_config={
                **tower,
                "num_hidden_layers": 2,
                "vocab_size": len(tokenizer),
                "max_position_embeddings": TEXT_LENGTH,
                **ids,
            },
            vision_config={**tower, "num_hidden_layers": 3, "image_size": SIDE, "patch_size": PATCH},
            projection_dim=32,
        )
    )
