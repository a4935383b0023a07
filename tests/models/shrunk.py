"""Published checkpoints made small: the genuine classes with random weights, in the layout the published files have.

Only width, depth and vocabulary are shrunk. Patch sizes, image bounds, names of weights and files are the real ones'.
"""

import json

import torch
from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from medloc.data.prompts import known_prompts
from medloc.models.tiny.vlm import INTERNVL_NAMED, INTERNVL_TEMPLATE, INTERNVL_TOKENS, tiny_tokenizer

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
}
QWEN2_5_PIXELS = {"patch_size": 14, "merge_size": 2, "size": {"shortest_edge": 3136, "longest_edge": 12845056}}
QWEN3_PIXELS = {
    "patch_size": 16,
    "merge_size": 2,
    "size": {"shortest_edge": 65536, "longest_edge": 16777216},
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}
BOUNDS = {"qwen2_5_vl": 50176, "qwen3_vl": 65536, "internvl": 200704}
"""model.max_pixels that keep a test's images small."""


def shrunk(family, folder):
    """Writes the shrunk checkpoint of a family into `folder` and returns it."""
    torch.manual_seed(0)
    model, processor = {"qwen2_5_vl": _qwen2_5, "qwen3_vl": _qwen3, "internvl": _internvl}[family]()
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder, max_shard_size="40KB")
    processor.save_pretrained(folder)
    _as_published(family, folder, processor)
    return folder


def _ids(tokenizer):
    names = ("image_pad", "video_pad", "vision_start", "vision_end")
    image, video, start, end = (tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in names)
    return {
        "image_token_id": image,
        "video_token_id": video,
        "vision_start_token_id": start,
        "vision_end_token_id": end,
    }


def _qwen2_5():
    tokenizer = tiny_tokenizer(known_prompts())
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**QWEN2_5_PIXELS),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=tokenizer.chat_template,
    )
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    config = Qwen2_5_VLConfig(
        text_config={**TEXT, "vocab_size": len(tokenizer), "rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 4,
            "out_hidden_size": 32,
            "patch_size": 14,
            "window_size": 112,
            "fullatt_block_indexes": [1],
        },
        tie_word_embeddings=True,
        **_ids(tokenizer),
    )
    return Qwen2_5_VLForConditionalGeneration(config), processor


def _qwen3():
    tokenizer = tiny_tokenizer(known_prompts(), largest_number=1000)
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**QWEN3_PIXELS),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(),
        chat_template=tokenizer.chat_template,
    )
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config={**TEXT, "head_dim": 8, "vocab_size": len(tokenizer), "rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 4,
            "out_hidden_size": 32,
            "patch_size": 16,
            "deepstack_visual_indexes": [0],
            "num_position_embeddings": 2304,
        },
        tie_word_embeddings=True,
        **_ids(tokenizer),
    )
    return Qwen3VLForConditionalGeneration(config), processor


def _internvl():
    size = {"height": 448, "width": 448}
    tokenizer = tiny_tokenizer(
        known_prompts(),
        special=INTERNVL_TOKENS,
        largest_number=1000,
        chat_template=INTERNVL_TEMPLATE,
        named=INTERNVL_NAMED,
    )
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=True, min_patches=1, max_patches=12),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=256,
        chat_template=INTERNVL_TEMPLATE,
    )
    config = InternVLConfig(
        text_config={**TEXT, "model_type": "qwen2", "vocab_size": len(tokenizer)},
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "image_size": [448, 448],
            "patch_size": [14, 14],
        },
        image_token_id=processor.image_token_id,
        image_seq_length=256,
        downsample_ratio=0.5,
        tie_word_embeddings=True,
    )
    return InternVLForConditionalGeneration(config), processor


def _as_published(family, folder, processor):
    """Takes transformers' present layout apart into the files that were published."""
    present = json.loads((folder / "processor_config.json").read_text())
    (folder / "processor_config.json").unlink()
    images = {**present["image_processor"], "processor_class": type(processor).__name__}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    if family == "internvl":
        kept = {"image_seq_length": 256, "processor_class": "InternVLProcessor"}
        (folder / "processor_config.json").write_text(json.dumps(kept))
        return
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    if family == "qwen2_5_vl":
        _flat(folder, images)


def _flat(folder, images):
    """Qwen2.5-VL's: the text model's settings beside the vision model's, image bounds by their old names."""
    size = images.pop("size")
    images |= {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    config = json.loads((folder / "config.json").read_text())
    text = {key: value for key, value in config.pop("text_config").items() if key != "model_type"}
    rope = text.pop("rope_parameters")
    text |= {
        "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
        "rope_theta": rope["rope_theta"],
    }
    config["vision_config"]["model_type"] = "qwen2_5_vl"
    (folder / "config.json").write_text(json.dumps({**text, **config}))
