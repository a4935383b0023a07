"""Vision-language models: their classes, the grid each family answers on, image bounds and adapters.

A new family is one more `VisionLanguageFamily` here, a line in `medloc.models.families`, a file in `conf/model/`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    InternVLForConditionalGeneration,
    InternVLProcessor,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from medloc.boxes import AnswerGrid
from medloc.models.base import Family, LoadedModel, base_folder, load_part, load_weights, model_fingerprint
from medloc.spec.model import ModelSettings, adapters


@dataclass(frozen=True)
class VisionLanguageFamily(Family):
    """A vision-language model that answers in text.

    Attributes:
        model: its class in transformers.
        processor: its processor's class.
        grid: takes the image processor, an image's width and height in px and the answer's step; returns the grid.
        bound: sets the smallest and largest area of the resized image, in px (None = as it is), on an image processor.
    """

    trainers = ("grpo", "sft")
    example = "tiny_s"

    model: Any
    processor: Any
    grid: Callable[..., AnswerGrid]
    bound: Callable[[Any, int | None, int | None], None]

    def load(self, settings: ModelSettings, seed: int) -> LoadedModel:
        """Return model and processor, the vision tower frozen where `model.freeze_vision` says so; uses no `seed`."""
        source = base_folder(settings)
        published = settings if settings.published else None
        attention = {"attn_implementation": published.attention} if published and published.attention else {}
        processor = load_part(self.processor, source)
        model = load_weights(self.model, source, dtype=getattr(torch, settings.dtype), **attention)
        if published and published.freeze_vision:
            vision_tower(model).requires_grad_(False)
        images = processor.image_processor
        self.bound(images, settings.min_pixels, settings.max_pixels)
        return LoadedModel(
            model.eval(),
            processor,
            lambda width, height: self.grid(images, width, height, settings.answer_step),
            model_fingerprint(source, model.config),
        )


def vision_tower(model: Any) -> Any:
    """Return the vision encoder of a vision-language model."""
    return model.model.visual if hasattr(model.model, "visual") else model.model.vision_tower


def qwen_grid(image_processor: Any, width: int, height: int, step: int = 1) -> AnswerGrid:
    """Return Qwen2.5-VL's grid for an image: pixels of the image as its processor resizes it."""
    resized_height, resized_width = smart_resize(
        height,
        width,
        factor=image_processor.patch_size * image_processor.merge_size,
        min_pixels=image_processor.size["shortest_edge"],
        max_pixels=image_processor.size["longest_edge"],
    )
    return AnswerGrid("resized", resized_width, resized_height, step)


def thousand_grid(image_processor: Any, width: int, height: int, step: int = 1) -> AnswerGrid:
    """Return the grid of InternVL and Qwen3-VL: thousandths of the image, whatever its size.

    Their processors stretch the whole image (over tiles, or to multiples of 32 px) and pad nothing, so a thousandth of
    the processed image is a thousandth of the original.
    """
    return AnswerGrid("thousand", 1000, 1000, step)


def frame_sizes(image_processor: Any, grid: AnswerGrid, width: int, height: int) -> dict[str, tuple[float, float]]:
    """Return the (width, height) of an image in each coordinate space that a model may be writing in.

    Args:
        image_processor: the model's; "resized" is among the spaces only where it resizes as Qwen2.5-VL's does.
        grid: the grid on which the family answers this image; its own size holds for its space.
        width: the image's width in px.
        height: its height in px.
    """
    sizes = {"pixels": (float(width), float(height)), "thousand": (1000.0, 1000.0), "unit": (1.0, 1.0)}
    if hasattr(image_processor, "merge_size") and "shortest_edge" in image_processor.size:
        resized = qwen_grid(image_processor, width, height)
        sizes["resized"] = (float(resized.width), float(resized.height))
    return sizes | {grid.space: (float(grid.width), float(grid.height))}


def bound_qwen(image_processor: Any, min_pixels: int | None, max_pixels: int | None) -> None:
    """Set the bounds of a Qwen image processor, which are areas in px as well."""
    for edge, bound in (("shortest_edge", min_pixels), ("longest_edge", max_pixels)):
        if bound is not None:
            image_processor.size[edge] = bound


def bound_internvl(image_processor: Any, min_pixels: int | None, max_pixels: int | None) -> None:
    """Set the bounds of an InternVL image processor, which counts tiles; its thumbnail is not counted."""
    tile = image_processor.size["height"] * image_processor.size["width"]
    if max_pixels is not None:
        image_processor.max_patches = max(1, max_pixels // tile)
    if min_pixels is not None:
        image_processor.min_patches = min(max(1, -(-min_pixels // tile)), image_processor.max_patches)


QWEN2_5_VL = VisionLanguageFamily(Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, qwen_grid, bound_qwen)
QWEN3_VL = VisionLanguageFamily(Qwen3VLForConditionalGeneration, Qwen3VLProcessor, thousand_grid, bound_qwen)
INTERNVL = VisionLanguageFamily(InternVLForConditionalGeneration, InternVLProcessor, thousand_grid, bound_internvl)


def lora_config(model: ModelSettings) -> Any:
    """Return peft's configuration of adapters (LoRA) for trl's trainers; None where the weights are trained.

    Qwen's vision tower has layers of the same names; only those below `language_model` get an adapter.
    """
    lora = adapters(model)
    if lora is None:
        return None
    from peft import LoraConfig  # optional package

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=rf".*language_model\..*\.({'|'.join(lora.targets)})",
        bias="none",
        task_type="CAUSAL_LM",
    )


def base_model(model: Any) -> Any:
    """Return the model of transformers inside peft's wrapper, adapters in its layers; any other as it is."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def merge_adapters(model: Any) -> Any:
    """Return a trained model with its adapters added into the weights, in the class it had without them."""
    return model.merge_and_unload() if hasattr(model, "peft_config") else model
