"""The memory that a run needs on each GPU, estimated from the model's configuration without loading weights.

Parameters, gradients and optimizer states are counted. Activations are counted as in Korthikanti et al.
(arXiv:2205.05198) for these layers: a float32 residual stream, two RMS norms, a gated MLP, an attention whose matrix
is not stored, the rest in bfloat16. Fragmentation, CUDA's own memory and the libraries' buffers are not counted;
`HEADROOM` covers them. On an H200 the estimate was 5 % below one measured step (docs/scale.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights
from transformers import AutoConfig, InternVLConfig, Qwen2_5_VLConfig, Qwen3VLConfig

from medloc.models.base import BASES, load_part
from medloc.models.families import vision_language_families
from medloc.models.vlm import vision_tower
from medloc.spec.launch import world_size
from medloc.spec.model import ModelSettings, adapters
from medloc.spec.run import RunSpec

CARDS = (24, 48, 80, 141)
"""GPU memories, in 10^9 bytes: RTX 4090 and A10, A40 and L40S, A100 and H100, H200."""

HEADROOM = 0.1
"""Share of a card that is left free in a verdict."""

IMAGE = 600 * 450  # px; HAM10000's
QUESTION = 120  # tokens
MASTER, ADAM, HALF, FULL = 4, 8, 2, 4  # bytes a parameter
OUTER, INNER = 28, 8  # bytes per token of a layer: by hidden unit (norms, attention), by unit of the MLP
KEPT = 4  # bytes per token and hidden unit that checkpointing keeps of a layer: its input
PATCHES = 4  # patches in one image token, of every family here
GB = 1e9

# Configurations of the published checkpoints, as in their own `config.json`. A test compares the parameters they give
# with the published counts.
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


@dataclass(frozen=True)
class Shape:
    """The sizes of a model that decide its memory.

    Attributes:
        parameters: number of all parameters.
        vision: number of the vision tower's parameters.
        targeted: (inputs, outputs) of every linear layer that would get an adapter.
        text_layers: number of layers, width, and width of the MLPs of the language model.
        vision_layers: the same of the vision tower.
        keys: numbers cached per token in each layer of the language model: keys and values.
        image_tokens: tokens of one image.
    """

    parameters: int
    vision: int
    targeted: tuple[tuple[int, int], ...]
    text_layers: tuple[int, int, int]
    vision_layers: tuple[int, int, int]
    keys: int
    image_tokens: int


def configuration(model: ModelSettings) -> Any:
    """Return the model's configuration: of the folder, as published, or from the hub, in this order."""
    source = model.path or str(BASES / model.name)
    if not Path(source).is_dir() and model.name in SHAPES:
        return SHAPES[model.name]()
    return load_part(AutoConfig, source)


def shape_of(model: ModelSettings) -> Shape:
    """Build the model without memory, and return its sizes.

    Raises:
        ValueError: no vision-language model that medloc knows.
        FileNotFoundError: there is no configuration.
    """
    families = vision_language_families()
    if model.family not in families:
        raise ValueError(f"model.family={model.family} has no estimate; known: {', '.join(families)}.")
    config = configuration(model)
    with init_empty_weights():
        empty = families[model.family].model(config)
    empty.tie_weights()
    text = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    vision = config.vision_config
    depth = getattr(vision, "depth", None) or vision.num_hidden_layers
    names = model.lora.targets if model.published else []
    targeted = [
        (part.in_features, part.out_features)
        for name, part in empty.named_modules()
        if "language_model." in name and name.rpartition(".")[2] in names
    ]
    return Shape(
        parameters=sum(p.numel() for p in empty.parameters()),
        vision=sum(p.numel() for p in vision_tower(empty).parameters()),
        targeted=tuple(targeted),
        text_layers=(text.num_hidden_layers, text.hidden_size, text.intermediate_size),
        vision_layers=(depth, vision.hidden_size, vision.intermediate_size),
        keys=2 * text.num_key_value_heads * head,
        image_tokens=_image_tokens(config, model),
    )


def _image_tokens(config: Any, model: ModelSettings) -> int:
    """Return the tokens of a 600 x 450 px image; InternVL's are as many whole tiles as fit, and a thumbnail."""
    vision = config.vision_config
    if model.family == "internvl":
        tile = vision.image_size[0] ** 2
        tiles = max(1, (model.max_pixels or tile) // tile)
        return int(config.image_seq_length * (tiles + (tiles > 1)))
    cell = (vision.patch_size * vision.spatial_merge_size) ** 2
    return round(min(IMAGE, model.max_pixels or IMAGE) / cell)


def estimate(settings: RunSpec) -> dict[str, float]:
    """Return the memory of one GPU part by part, in 10^9 bytes, and the `peak` over a step."""
    shape, train, launch = shape_of(settings.model), settings.train, settings.launch
    kind, world = launch.engine, world_size(launch)
    lora = adapters(settings.model)
    frozen = settings.model.published and settings.model.freeze_vision
    trained = sum(lora.rank * (i + o) for i, o in shape.targeted) if lora else shape.parameters - frozen * shape.vision
    zero = kind in ("zero2", "zero3")
    width = HALF if settings.model.dtype == "bfloat16" or (zero and train.bf16) else FULL
    whole, share = (world, world) if kind in ("fsdp2", "zero3") else (1, world if zero else 1)
    offloaded = launch.offload
    away = offloaded and whole > 1  # the weights are in the machine's memory, the reference's too
    states = ADAM + (MASTER if zero and train.bf16 else 0)
    computed = HALF if train.bf16 or width == HALF else FULL
    completions = train.prompts_per_step * train.group_size // world
    tokens = QUESTION + shape.image_tokens + train.max_completion_length
    copied = train.bf16 and width == FULL and whole == 1  # autocast keeps bfloat16 copies of trained weights
    again, at_once = train.gradient_checkpointing, train.per_device_batch
    kept = _activation_bytes(*shape.text_layers, again) * at_once * tokens
    if not (frozen or lora):
        images = -(-at_once // train.group_size) if train.share_prompts else at_once
        kept += _activation_bytes(*shape.vision_layers, again) * images * PATCHES * shape.image_tokens
    parts = {
        "parameters": 0.0 if away else shape.parameters * width / whole,
        "gradients": trained * (FULL if lora else width) / share,
        "optimizer": 0.0 if offloaded else trained * states / share,
        "reference": shape.parameters * width / whole if train.beta and not lora and not away else 0.0,
        "bfloat16 copies": trained * HALF if copied else 0.0,
        "activations": kept * computed / HALF,
        "keys and values": completions * tokens * shape.text_layers[0] * shape.keys * computed,
        "gathered to generate": shape.parameters * HALF if kind == "zero3" else 0.0,
    }
    parts = {name: value / GB for name, value in parts.items()}
    always = parts["parameters"] + parts["optimizer"] + parts["reference"]
    updating = parts["gradients"] + parts["bfloat16 copies"] + parts["activations"]
    return {**parts, "peak": always + max(updating, parts["keys and values"] + parts["gathered to generate"])}


def _activation_bytes(layers: int, hidden: int, inner: int, checkpointing: bool) -> float:
    """Return the bytes of one token's activations that the backward pass needs."""
    layer = OUTER * hidden + INNER * inner
    return KEPT * hidden * layers + layer if checkpointing else layer * layers


def estimate_text(settings: RunSpec) -> str:
    """Return the estimate as a small table with a verdict for every card."""
    found = estimate(settings)
    train, launch = settings.train, settings.launch
    lora = adapters(settings.model)
    what = f"adapters of rank {lora.rank}" if lora else "all weights"
    lines = [
        f"{settings.model.name}, {what}, {settings.model.dtype}, launch={launch.name} ({world_size(launch)} GPUs), "
        f"{train.prompts_per_step} x {train.group_size} completions, {train.per_device_batch} at once",
        "estimated from the configuration, not measured; 10^9 bytes on each GPU",
        "",
        *(f"{name:<22} {value:8.2f}" for name, value in found.items()),
        "",
    ]
    for card in CARDS:
        verdict = "fits" if found["peak"] <= card * (1 - HEADROOM) else "does not fit"
        lines.append(f"{card:>4} GB  {verdict}")
    return "\n".join(lines)
