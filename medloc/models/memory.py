"""What a run needs on each GPU, estimated from the model's configuration alone: no weights are loaded.

Parameters, gradients and optimizer states are counted. Activations are counted as Korthikanti et al. do
(arXiv:2205.05198), for these layers: a float32 residual stream, two RMS norms, a gated MLP, an attention whose matrix
is not kept, the rest in bfloat16. Fragmentation, CUDA's own memory and the libraries' buffers are not in it: `HEADROOM`
stands for them. Held against one step on an H200 it was 5 % below (docs/scale.md).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights
from transformers import AutoConfig

from medloc.models.family import FAMILIES
from medloc.models.load import BASES, NOT_THERE, not_there, vision_tower
from medloc.models.published import SHAPES
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


@dataclass(frozen=True)
class Shape:
    """What of a model decides its memory.

    Attributes:
        parameters: all of them.
        vision: those of the vision tower.
        targeted: (inputs, outputs) of every linear layer that would get an adapter.
        layers: of the language model.
        hidden: its width.
        inner: the width of its MLPs.
        keys: numbers kept per token in each layer: keys and values.
        image_tokens: tokens of one image.
        seeing: layers, width and width of the MLPs of the vision tower.
    """

    parameters: int
    vision: int
    targeted: tuple[tuple[int, int], ...]
    layers: int
    hidden: int
    inner: int
    keys: int
    image_tokens: int
    seeing: tuple[int, int, int]


def configuration(model: ModelSettings) -> Any:
    """Returns the model's configuration: of the folder, as published, or from the hub, in this order.

    Raises:
        FileNotFoundError: there is none.
    """
    source = model.path or str(BASES / model.name)
    if not Path(source).is_dir() and model.name in SHAPES:
        return SHAPES[model.name]()
    try:
        return AutoConfig.from_pretrained(source)
    except NOT_THERE as error:
        raise not_there("model.path", source, error) from error


def shape_of(model: ModelSettings) -> Shape:
    """Builds the model's class without memory and counts.

    Raises:
        ValueError: it is no vision-language model that medloc knows.
        FileNotFoundError: there is no configuration.
    """
    if model.family not in FAMILIES:
        raise ValueError(f"model.family={model.family} has no estimate; known: {', '.join(FAMILIES)}.")
    config = configuration(model)
    with init_empty_weights():
        empty = FAMILIES[model.family].model(config)
    empty.tie_weights()
    text = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    vision = config.vision_config
    vision_layers = getattr(vision, "depth", None) or vision.num_hidden_layers
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
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        inner=text.intermediate_size,
        keys=2 * text.num_key_value_heads * head,
        image_tokens=_image_tokens(config, model),
        seeing=(vision_layers, vision.hidden_size, vision.intermediate_size),
    )


def _image_tokens(config: Any, model: ModelSettings) -> int:
    """Returns the tokens of a 600 x 450 px image; InternVL's are as many whole tiles as fit, and a thumbnail."""
    vision = config.vision_config
    if model.family == "internvl":
        tile = vision.image_size[0] ** 2
        tiles = max(1, (model.max_pixels or tile) // tile)
        return int(config.image_seq_length * (tiles + (tiles > 1)))
    cell = (vision.patch_size * vision.spatial_merge_size) ** 2
    return round(min(IMAGE, model.max_pixels or IMAGE) / cell)


def estimate(settings: RunSpec) -> dict[str, float]:
    """Returns what one GPU holds, part by part, in 10^9 bytes, and the `peak` over a step."""
    shape, train, launch = shape_of(settings.model), settings.train, settings.launch
    kind, world = launch.engine, world_size(launch)
    lora = adapters(settings.model)
    frozen = settings.model.published and settings.model.freeze_vision
    trained = sum(lora.rank * (i + o) for i, o in shape.targeted) if lora else shape.parameters - frozen * shape.vision
    zero = kind in ("zero2", "zero3")
    width = HALF if settings.model.dtype == "bfloat16" or (zero and train.bf16) else FULL
    whole, share = (world, world) if kind in ("fsdp2", "zero3") else (1, world if zero else 1)
    offloaded = launch.offload
    away = offloaded and whole > 1  # weights in the machine's memory, the reference's too
    states = ADAM + (MASTER if zero and train.bf16 else 0)
    computed = HALF if train.bf16 or width == HALF else FULL
    completions = train.prompts_per_step * train.group_size // world
    tokens = QUESTION + shape.image_tokens + train.max_completion_length
    copied = train.bf16 and width == FULL and whole == 1  # autocast keeps bfloat16 copies of trained weights
    again, at_once = train.gradient_checkpointing, train.per_device_batch
    kept = _kept(shape.layers, shape.hidden, shape.inner, again) * at_once * tokens
    if not (frozen or lora):
        images = -(-at_once // train.group_size) if train.share_prompts else at_once
        kept += _kept(*shape.seeing, again) * images * PATCHES * shape.image_tokens
    parts = {
        "parameters": 0.0 if away else shape.parameters * width / whole,
        "gradients": trained * (FULL if lora else width) / share,
        "optimizer": 0.0 if offloaded else trained * states / share,
        "reference": shape.parameters * width / whole if train.beta and not lora and not away else 0.0,
        "bfloat16 copies": trained * HALF if copied else 0.0,
        "activations": kept * computed / HALF,
        "keys and values": completions * tokens * shape.layers * shape.keys * computed,
        "gathered to generate": shape.parameters * HALF if kind == "zero3" else 0.0,
    }
    parts = {name: value / GB for name, value in parts.items()}
    standing = parts["parameters"] + parts["optimizer"] + parts["reference"]
    updating = parts["gradients"] + parts["bfloat16 copies"] + parts["activations"]
    return {**parts, "peak": standing + max(updating, parts["keys and values"] + parts["gathered to generate"])}


def _kept(layers: int, hidden: int, inner: int, checkpointing: bool) -> float:
    """Returns the bytes that a token's activations take until the backward pass has used them."""
    layer = OUTER * hidden + INNER * inner
    return KEPT * hidden * layers + layer if checkpointing else layer * layers


def estimate_text(settings: RunSpec) -> str:
    """Returns the estimate as a small table with a verdict for every card."""
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
