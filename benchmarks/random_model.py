"""Models with random weights in the shape of a published checkpoint, and images of noise for them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.prompts import known_prompts
from medloc.models.base import LoadedModel, load_part
from medloc.models.families import vision_language_families
from medloc.models.published import SHAPES
from medloc.models.tiny.vlm import tiny_tokenizer
from medloc.spec.model import adapters
from medloc.spec.run import RunSpec

WIDTH, HEIGHT = 600, 450


def random_model(settings: RunSpec, device: torch.device, folder: Path) -> LoadedModel:
    """Build the model with random weights in its precision on the device; save it once, where TRL needs a reference.

    The tokenizer is the miniature's: the published one's 150,000 tokens do not change what a step costs.
    """
    family = vision_language_families()[settings.model.family]
    local = settings.model.path if settings.model.path and Path(settings.model.path).is_dir() else None
    config = load_part(AutoConfig, local) if local else SHAPES[settings.model.name]()
    processor = load_part(family.processor, local) if local else _processor(settings, config)
    if settings.model.attention:
        config._attn_implementation = settings.model.attention  # type: ignore[attr-defined]
    torch.set_default_dtype(getattr(torch, settings.model.dtype))
    try:
        with torch.device(device):
            model = family.model(config)
    finally:
        torch.set_default_dtype(torch.float32)
    end = processor.tokenizer.eos_token_id
    model.generation_config.update(eos_token_id=end, pad_token_id=processor.tokenizer.pad_token_id)
    family.bound(processor.image_processor, settings.model.min_pixels, settings.model.max_pixels)
    if settings.train.beta and adapters(settings.model) is None and not (folder / "config.json").is_file():
        model.save_pretrained(folder)  # trl builds the reference from where the policy came from
    model.config._name_or_path = str(folder)
    grid = lambda w, h: family.grid(processor.image_processor, w, h)  # noqa: E731
    return LoadedModel(model.eval(), processor, grid, "random", settings.train.bf16)


def _processor(settings: RunSpec, config: Any) -> Any:
    """Build Qwen's processor with the miniature's tokenizer; set the model's ids of special tokens."""
    from transformers import Qwen2VLImageProcessor, Qwen2VLVideoProcessor, Qwen3VLVideoProcessor

    if settings.model.family not in ("qwen2_5_vl", "qwen3_vl"):
        raise SystemExit(f"--model {settings.model.name}: only Qwen's shapes have a processor here.")
    tokenizer = tiny_tokenizer(known_prompts(), largest_number=1000)
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad", "vision_start")}
    config.image_token_id, config.video_token_id = ids["image_pad"], ids["video_pad"]
    config.vision_start_token_id = ids["vision_start"]
    config.vision_end_token_id = tokenizer.convert_tokens_to_ids("<|vision_end|>")
    vision = config.vision_config
    images = Qwen2VLImageProcessor(
        patch_size=vision.patch_size,
        merge_size=vision.spatial_merge_size,
        size={"shortest_edge": 3136, "longest_edge": 12845056},
    )
    videos = Qwen2VLVideoProcessor() if settings.model.family == "qwen2_5_vl" else Qwen3VLVideoProcessor()
    return vision_language_families()[settings.model.family].processor(
        image_processor=images, tokenizer=tokenizer, video_processor=videos, chat_template=tokenizer.chat_template
    )


def noise_examples(folder: Path, count: int) -> list[Example]:
    """Draw `count` images of noise, each with the same box."""
    drawn = np.random.default_rng(0)
    examples = []
    for i in range(count):
        path = folder / f"{i}.jpg"
        Image.fromarray(drawn.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(path)
        examples.append(Example(str(i), path, WIDTH, HEIGHT, Box(100, 100, 400, 300), str(i), ""))
    return examples
