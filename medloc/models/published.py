"""Configurations of the published checkpoints, as in their own `config.json`: a model's shape without a download.

A test compares the parameters they give with the published counts.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, InternVLConfig, Qwen2_5_VLConfig, Qwen3VLConfig

from medloc.models.base import BASES, load_part
from medloc.spec.model import ModelSettings

QWEN2_5_ROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
QWEN3_ROPE = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True}
TOKENS = {
    "image_token_id": 151655,
    "video_token_id": 151656,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
}


def _text(hidden: int, layers: int, heads: int, kv: int, inner: int, vocabulary: int) -> dict[str, Any]:
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "intermediate_size": inner, "vocab_size": vocabulary}
    return {**sizes, "num_attention_heads": heads, "num_key_value_heads": kv}


def _vision(depth: int, hidden: int, inner: int, patch: int, out: int) -> dict[str, Any]:
    sizes = {"depth": depth, "hidden_size": hidden, "num_heads": 16, "intermediate_size": inner}
    return {**sizes, "patch_size": patch, "out_hidden_size": out}


def _qwen2_5(text: dict[str, Any], vision_inner: int, tied: bool) -> Qwen2_5_VLConfig:
    vision = _vision(32, 1280, vision_inner, 14, text["hidden_size"])
    vision |= {"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31]}
    text = {**text, "rope_parameters": QWEN2_5_ROPE, "tie_word_embeddings": tied}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied, **TOKENS)


def _qwen3(text: dict[str, Any], depth: int, hidden: int, inner: int, taps: list[int], tied: bool) -> Qwen3VLConfig:
    vision = {**_vision(depth, hidden, inner, 16, text["hidden_size"]), "deepstack_visual_indexes": taps}
    text = {**text, "head_dim": 128, "rope_parameters": QWEN3_ROPE, "tie_word_embeddings": tied}
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied, **TOKENS)


def _internvl(text: dict[str, Any], tied: bool = False) -> InternVLConfig:
    vision = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    text = {**text, "model_type": "qwen2", "tie_word_embeddings": tied}
    return InternVLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied, image_token_id=151667)


SHAPES: dict[str, Callable[[], Any]] = {
    "qwen2_5_vl_3b": lambda: _qwen2_5(_text(2048, 36, 16, 2, 11008, 151936), 3420, True),
    "qwen2_5_vl_7b": lambda: _qwen2_5(_text(3584, 28, 28, 4, 18944, 152064), 3420, False),
    "qwen2_5_vl_32b": lambda: _qwen2_5(_text(5120, 64, 40, 8, 27648, 152064), 3456, False),
    "qwen3_vl_2b": lambda: _qwen3(_text(2048, 28, 16, 8, 6144, 151936), 24, 1024, 4096, [5, 11, 17], True),
    "qwen3_vl_4b": lambda: _qwen3(_text(2560, 36, 32, 8, 9728, 151936), 24, 1024, 4096, [5, 11, 17], True),
    "qwen3_vl_8b": lambda: _qwen3(_text(4096, 36, 32, 8, 12288, 151936), 27, 1152, 4304, [8, 16, 24], False),
    "qwen3_vl_32b": lambda: _qwen3(_text(5120, 64, 64, 8, 25600, 151936), 27, 1152, 4304, [8, 16, 24], False),
    "internvl3_1b": lambda: _internvl(_text(896, 24, 14, 2, 4864, 151674)),
    "internvl3_2b": lambda: _internvl(_text(1536, 28, 12, 2, 8960, 151674)),
    "internvl3_8b": lambda: _internvl(_text(3584, 28, 28, 4, 18944, 151674)),
    "internvl3_14b": lambda: _internvl(_text(5120, 48, 40, 8, 13824, 151674)),
    "internvl2_5_4b": lambda: _internvl(_text(2048, 36, 16, 2, 11008, 151674)),
}
"""Option of the `model` group -> the configuration of its published checkpoint."""


def configuration(model: ModelSettings) -> Any:
    """Return the model's configuration: of the folder, as published, or of the hub's files on this machine.

    The network is never asked.

    Raises:
        FileNotFoundError: there is none of these.
    """
    source = model.path or str(BASES / model.name)
    if not Path(source).is_dir():
        if model.name in SHAPES:
            return SHAPES[model.name]()
        kept = try_to_load_from_cache(source, "config.json") if source.count("/") <= 1 else None
        if not isinstance(kept, str):
            raise FileNotFoundError(
                f"model.path={source} is no folder, and no such configuration is on this machine; give a folder, or "
                f"fetch it first: hf download {source} config.json."
            )
        source = str(Path(kept).parent)
    return load_part(AutoConfig, source)
