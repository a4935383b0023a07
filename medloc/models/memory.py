"""The memory that a run needs on each GPU, estimated from the model's configuration without loading weights.

Parameters, gradients and optimizer states are counted. Activations are counted as in Korthikanti et al.
(arXiv:2205.05198) for these layers: a residual stream in the weights' type, two RMS norms, a gated MLP, an attention
whose matrix is not stored. Fragmentation, CUDA's own memory and the libraries' buffers are not counted; `HEADROOM`
covers them. Of eight measured peaks the estimate misses none by more than `MARGIN` (docs/scale.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import init_empty_weights
from transformers.models.got_ocr2.image_processing_got_ocr2 import get_optimal_tiled_canvas
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from medloc.data import load_dataset
from medloc.models.families import vision_language_families
from medloc.models.published import configuration
from medloc.models.vlm import vision_tower
from medloc.spec.launch import world_size
from medloc.spec.model import LANGUAGE_TRAINERS, ModelSettings, adapters
from medloc.spec.run import RunSpec, learning_rate
from medloc.spec.train import check_batches, check_precision, completions_at_once, images_at_once

CARDS = (24, 40, 48, 80, 141)
"""GPU memories, in 10^9 bytes: RTX 4090 and A10, A100 40 GB, A40 and L40S, A100 and H100 80 GB, H200."""

HEADROOM = 0.1
"""Share of a card that is left free in a verdict."""

MARGIN = 0.05
"""Largest difference between estimate and measured peak, as a share; a run is refused only beyond it."""

IMAGE = (600, 450)
"""Width and height in px that are assumed where no images are at hand: HAM10000's."""

QUESTION = 100  # tokens; HAM10000's prompt with the chat template has 92
BOX = 32  # tokens of a true box as an answer
EVALUATED = 16  # images answered at once where memory is short
MASTER, HALF, FULL = 4, 2, 4  # bytes a parameter
MOMENTS = {"adamw": 8, "adamw_8bit": 2 + 8 / 256, "adamw_bf16": 2 + 8 / 256}  # 8 bits and a float32 scale per 256
OUTER, INNER = 28, 8  # bytes per token of a layer: by hidden unit (norms, attention), by unit of the MLP
ADAPTED_OUTER, ADAPTED_INNER = 12, 2  # and of its adapters, which cast each layer's input once more
PATCHES = 4  # patches in one image token, of every family here
TILE = (4096, 32768)  # tokens and vocabulary entries whose logits exist at once (trl.kernels.chunked_logprob)
LOGIT = 8  # bytes of a logit and its gradient
GB = 1e9


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
        vocabulary: entries of the vocabulary.
        image_tokens: tokens of the image.
    """

    parameters: int
    vision: int
    targeted: tuple[tuple[int, int], ...]
    text_layers: tuple[int, int, int]
    vision_layers: tuple[int, int, int]
    keys: int
    vocabulary: int
    image_tokens: int


def shape_of(model: ModelSettings, image: tuple[int, int] = IMAGE) -> Shape:
    """Build the model without memory, and return its sizes for images of this width and height in px.

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
    targeted = [
        (part.in_features, part.out_features)
        for name, part in empty.named_modules()
        if "language_model." in name and name.rpartition(".")[2] in model.lora.targets
    ]
    return Shape(
        parameters=sum(p.numel() for p in empty.parameters()),
        vision=sum(p.numel() for p in vision_tower(empty).parameters()),
        targeted=tuple(targeted),
        text_layers=(text.num_hidden_layers, text.hidden_size, text.intermediate_size),
        vision_layers=(depth, vision.hidden_size, vision.intermediate_size),
        keys=2 * text.num_key_value_heads * head,
        vocabulary=text.vocab_size,
        image_tokens=_image_tokens(config, model, *image),
    )


def _image_tokens(config: Any, model: ModelSettings, width: int, height: int) -> int:
    """Return the tokens of an image; InternVL's are as many whole tiles as fit, and a thumbnail."""
    vision = config.vision_config
    if model.family == "internvl":
        side = vision.image_size[0]
        most = max(1, (model.max_pixels or side**2) // side**2)
        columns, rows = get_optimal_tiled_canvas((height, width), (side, side), 1, most)
        tiles = columns * rows
        return int(config.image_seq_length * (tiles + (tiles > 1)))
    cell = vision.patch_size * vision.spatial_merge_size
    bounds = {"min_pixels": model.min_pixels or 0, "max_pixels": model.max_pixels or 10**9}
    high, wide = smart_resize(height, width, factor=cell, **bounds)
    return int(high // cell * (wide // cell))


def largest_image(settings: RunSpec) -> tuple[int, int]:
    """Return width and height in px of the largest training image; `IMAGE` where only phantoms are at hand."""
    if settings.dataset.root is None and settings.dataset.manifest is None:
        return IMAGE
    examples = load_dataset(settings.dataset, Path(settings.cache)).train
    largest = max(examples, key=lambda example: example.width * example.height)
    return largest.width, largest.height


def estimate(settings: RunSpec, shape: Shape | None = None) -> dict[str, float]:
    """Return the memory of one GPU part by part, in 10^9 bytes, and the `peak` over a step.

    A group's image and question count once where `train.share_prompts` is on.

    Args:
        settings: the run's settings.
        shape: the model's sizes; None builds them for images of `IMAGE`.
    """
    shape = shape or shape_of(settings.model)
    train, launch, model = settings.train, settings.launch, settings.model
    kind, world, lora = launch.engine, world_size(launch), adapters(model)
    trains, samples = settings.method.trainer in LANGUAGE_TRAINERS, settings.method.trainer == "grpo"
    zero = kind in ("zero2", "zero3")
    width = HALF if model.dtype == "bfloat16" or (zero and train.bf16) else FULL
    reference_width = HALF if train.reference_dtype == "bfloat16" else width
    computed = HALF if train.bf16 or width == HALF else FULL
    whole, share = (world, world) if kind in ("fsdp2", "zero3") else (1, world if zero else 1)
    away = launch.offload and whole > 1  # the weights are in the machine's memory, the reference's too
    frozen = model.published and model.freeze_vision
    trained = sum(lora.rank * (i + o) for i, o in shape.targeted) if lora else shape.parameters - frozen * shape.vision
    trained *= trains
    copied = train.bf16 and width == FULL and whole == 1  # autocast keeps bfloat16 copies of trained weights
    prompt = QUESTION + shape.image_tokens
    answer = train.max_completion_length if samples else BOX
    rows = completions_at_once(train) if samples else images_at_once(train, launch)
    prompts = -(-rows // train.group_size) if samples and train.share_prompts else rows
    step = train.prompts_per_step * (train.group_size if samples else 1) // world
    answered = max(step if samples else 0, settings.evaluation.batch_size)
    asked = answered * (prompt + train.max_completion_length)
    text = _activations(*shape.text_layers, prompts * prompt + rows * answer, width, computed, lora is not None)
    seen = (0.0, 0.0)
    if not (frozen or lora):
        seen = _activations(*shape.vision_layers, prompts * PATCHES * shape.image_tokens, width, computed, False)
    tile = min(TILE[0], rows * answer) * min(TILE[1], shape.vocabulary) * LOGIT
    logits = tile + shape.vocabulary * shape.text_layers[1] * FULL  # and the head's gradient, summed in float32
    if train.gradient_checkpointing:
        kept = text[0] + seen[0] + max(text[1], seen[1], logits)
    else:
        kept = text[1] * shape.text_layers[0] + seen[1] * shape.vision_layers[0] + logits
    gradients = trained * (FULL if lora else width) / share
    parts = {
        "parameters": 0.0 if away else shape.parameters * width / whole,
        "gradients": gradients,
        "optimizer": 0.0
        if launch.offload
        else trained * (MOMENTS[train.optimizer] + MASTER * (zero and train.bf16)) / share,
        "reference": shape.parameters * reference_width / whole
        if samples and train.beta and not lora and not away
        else 0.0,
        "bfloat16 copies": trained * HALF if copied else 0.0,
        "buckets of ddp": gradients if kind == "ddp" else 0.0,
        "activations": kept * trains,
        "keys and values": asked * shape.text_layers[0] * shape.keys * computed,
        "gathered to generate": shape.parameters * HALF if kind == "zero3" else 0.0,
    }
    parts = {name: value / GB for name, value in parts.items()}
    always = (
        parts["parameters"]
        + parts["optimizer"]
        + parts["reference"]
        + parts["bfloat16 copies"]
        + parts["buckets of ddp"]
    )
    summed = parts["gradients"] if step > rows else 0.0  # of the passes before
    updating = max(parts["gradients"], summed + parts["activations"])
    return {**parts, "peak": always + max(updating, parts["keys and values"] + parts["gathered to generate"])}


def _activations(
    layers: int, hidden: int, inner: int, tokens: int, width: int, computed: int, adapted: bool
) -> tuple[float, float]:
    """Return the bytes of the inputs of all layers, and those that the backward pass of one layer needs."""
    layer = (OUTER + ADAPTED_OUTER * adapted) * hidden + (INNER + ADAPTED_INNER * adapted) * inner
    return width * hidden * layers * tokens, layer * tokens * computed / HALF


def smaller(settings: RunSpec) -> Iterator[tuple[str, RunSpec]]:
    """Yield settings that take less memory, as overrides and as a specification; those that change least come first."""
    train, model = settings.train, settings.model
    passes = max(train.passes, -(-train.per_device_batch // train.group_size))
    same: dict[str, Any] = {"train.passes": passes}
    if settings.evaluation.batch_size > EVALUATED:
        same["evaluation.batch_size"] = EVALUATED
    kept = {"train.gradient_checkpointing": True}
    reference = {"train.reference_dtype": "bfloat16"} if settings.method.trainer == "grpo" and train.beta else {}
    eight = {"train.optimizer": "adamw_8bit", **reference}
    half = {"model.dtype": "bfloat16", "train.optimizer": "adamw_bf16", **reference}
    lora = {"model.dtype": "bfloat16", "train.optimizer": "adamw", "model.lora.rank": model.lora.rank or 16}
    ladder = [same, kept, same | kept, eight]
    for states in (eight, half, lora):
        ladder += [kept | states, same | kept | states]
    for words in ladder:
        now = {key: value for key, value in words.items() if _value(settings, key) != value}
        tried = settings
        for key, value in now.items():
            tried = _with(tried, key.split("."), value)
        try:
            check_batches(tried.train, tried.launch, tried.method.trainer)
            check_precision(tried.train, tried.model, tried.launch, tried.method.trainer)
        except ValueError:
            continue
        if now:
            yield " ".join(f"{key}={str(value).lower()}" for key, value in now.items()), tried


def _value(settings: Any, key: str) -> Any:
    for name in key.split("."):
        settings = getattr(settings, name)
    return settings


def _with(settings: Any, names: list[str], value: Any) -> Any:
    name, *rest = names
    return replace(settings, **{name: _with(getattr(settings, name), rest, value) if rest else value})


def fitting(settings: RunSpec, shape: Shape, memory: float) -> str | None:
    """Return the first of the `smaller` settings that take at most `memory` x 10^9 bytes, with their estimate."""
    for words, tried in smaller(settings):
        peak = estimate(tried, shape)["peak"]
        if peak <= memory:
            return f"{words} ({peak:.0f} GB)"
    return None


def check_fits(settings: RunSpec, memory: float | None = None) -> None:
    """Refuse, before weights load, a run that this GPU cannot hold.

    Args:
        settings: the run's settings.
        memory: of the GPU, in 10^9 bytes; None asks the present one. Without a GPU nothing is refused.

    Raises:
        ValueError: the estimate is more than `MARGIN` above the memory; the message names settings that would fit.
    """
    if memory is None:
        if settings.device == "cpu" or not torch.cuda.is_available():
            return
        memory = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory / GB
    if settings.method.trainer not in LANGUAGE_TRAINERS:
        return
    shape = shape_of(settings.model, largest_image(settings))
    peak = estimate(settings, shape)["peak"]
    if peak * (1 - MARGIN) > memory:
        would = fitting(settings, shape, memory * (1 - HEADROOM))
        raise ValueError(
            f"model={settings.model.name} train={settings.train.name}: an estimated {peak:.0f} GB on each GPU, "
            f"and this one has {memory:.0f}; use {would or 'a smaller model, a larger card, or launch=zero3'}. "
            "`medloc probe --memory` lists the parts."
        )


@contextmanager
def plain_out_of_memory(settings: RunSpec, doing: Literal["training", "answering"]) -> Iterator[None]:
    """Turn a GPU's lack of memory into one line that names the setting to change.

    Raises:
        ValueError: the GPU's memory was full.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise ValueError(f"{_to_lower(settings, doing)} ({reason}).") from error


def _to_lower(settings: RunSpec, doing: Literal["training", "answering"]) -> str:
    train, images = settings.train, settings.evaluation.batch_size
    full, goes_on = "the GPU's memory is full; use", "and the same run goes on from its last checkpoint"
    if doing == "answering" and images > 1:
        return f"evaluation.batch_size={images}: {full} evaluation.batch_size={images // 2}, {goes_on}"
    more = [
        passes for passes in range(train.passes + 1, train.per_device_batch + 1) if not train.per_device_batch % passes
    ]
    if doing == "training" and more:
        return f"train.passes={train.passes}: {full} train.passes={more[0]}, {goes_on}"
    return f"train.max_completion_length={train.max_completion_length}: {full} less: a new run; this one's files stay"


def estimate_text(settings: RunSpec) -> str:
    """Return the estimate as a small table, with a verdict for every card and a setting that would fit it."""
    image = largest_image(settings)
    shape = shape_of(settings.model, image)
    found = estimate(settings, shape)
    train, launch, lora = settings.train, settings.launch, adapters(settings.model)
    what = f"adapters of rank {lora.rank}" if lora else "all weights"
    rate = "model.lora.learning_rate" if lora else "train.learning_rate"
    assumed = "" if settings.dataset.root or settings.dataset.manifest else " (assumed; dataset.root gives your own)"
    samples = settings.method.trainer == "grpo"
    step = (
        f"{train.prompts_per_step} x {train.group_size} completions" if samples else f"{train.prompts_per_step} images"
    )
    rows = completions_at_once(train) if samples else images_at_once(train, launch)
    answer = train.max_completion_length if samples else BOX
    lines = [
        f"{settings.model.name}, {what}, {settings.model.dtype}, train.optimizer={train.optimizer}, "
        f"launch={launch.name} ({world_size(launch)} GPUs), {step}, {rows} at once",
        f"images of {image[0]} x {image[1]} px{assumed}: {shape.image_tokens} tokens; answers of {answer} tokens; "
        f"{rate}={learning_rate(settings):g}",
        "estimated from the configuration, not measured; 10^9 bytes on each GPU",
        "",
        *(f"{name:<22} {value:8.2f}" for name, value in found.items()),
        "",
    ]
    for card in CARDS:
        memory = card * (1 - HEADROOM)
        would = None if found["peak"] <= memory else fitting(settings, shape, memory)
        verdict = "fits" if found["peak"] <= memory else f"does not fit; {would or 'no setting of medloc would'}"
        lines.append(f"{card:>4} GB  {verdict}")
    return "\n".join(lines)
