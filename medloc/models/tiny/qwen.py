"""The miniature Qwen2.5-VL: the genuine classes at half a million parameters, with random weights.

`python -m medloc.pretrain` gives it weights; what is shipped under `bases/` came from there.
"""

from dataclasses import dataclass

from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from medloc.models.tiny.tokenizer import CHAT_TEMPLATE, tiny_tokenizer

PATCH, MERGE = 7, 2  # one image token covers 14 x 14 px
IMAGE_PIXELS = 112 * 112  # area of the resized image: at most 64 image tokens


VISION_HIDDEN, VISION_LAYERS = 64, 2  # in every size, as Qwen2.5-VL has one vision tower in all of its own


@dataclass(frozen=True)
class TinySize:
    """Width and depth of a miniature's language model; head dimensions are 32 (text) and 16 (vision)."""

    hidden: int
    layers: int


SIZES = {
    "tiny_s": TinySize(hidden=128, layers=2),
    "tiny_m": TinySize(hidden=192, layers=3),
    "tiny_l": TinySize(hidden=256, layers=4),
}


def tiny_processor(prompts: list[str]) -> Qwen2_5_VLProcessor:
    """Builds the processor: images resized to multiples of 14 px within 112 x 112 px of area, the tiny tokenizer."""
    pixels = {
        "patch_size": PATCH,
        "merge_size": MERGE,
        "size": {"shortest_edge": IMAGE_PIXELS // 2, "longest_edge": IMAGE_PIXELS},
    }
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=tiny_tokenizer(prompts),
        video_processor=Qwen2VLVideoProcessor(**pixels),
        chat_template=CHAT_TEMPLATE,
    )


def tiny_model(name: str, processor: Qwen2_5_VLProcessor) -> Qwen2_5_VLForConditionalGeneration:
    """Builds the model `name` ("tiny_s", "tiny_m" or "tiny_l") with random weights, for `processor`."""
    size, tokenizer = SIZES[name], processor.tokenizer
    ids = {token: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for token in ("image_pad", "video_pad", "im_end")}
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": size.hidden,
            "intermediate_size": 2 * size.hidden,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.hidden // 32,
            "num_key_value_heads": size.hidden // 64,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": ids["im_end"],
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": VISION_LAYERS,
            "hidden_size": VISION_HIDDEN,
            "intermediate_size": 2 * VISION_HIDDEN,
            "num_heads": VISION_HIDDEN // 16,
            "out_hidden_size": size.hidden,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "window_size": 112,
            "fullatt_block_indexes": list(range(VISION_LAYERS)),
        },
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = ids["im_end"]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
