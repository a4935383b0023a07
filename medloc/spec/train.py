"""The groups `train`, `evaluation` and `guard`, and the checks of prompts, group size and micro-batch."""

from dataclasses import dataclass
from importlib.util import find_spec
from math import gcd

from medloc.spec.fields import setting
from medloc.spec.launch import LaunchSettings, world_size
from medloc.spec.model import LANGUAGE_TRAINERS, ModelSettings, adapters

COUNTS = (
    *("max_steps", "epochs", "table_step", "prompts_per_step", "per_device_batch"),
    *("checkpoints", "keep_checkpoints"),
)
BY_COMPLETIONS, BY_IMAGES = "grpo", "sft"
"""Trainers that divide their work over processes: by completions, and by images."""

OPTIMIZERS = ("adamw", "adamw_8bit", "adamw_bf16")
"""AdamW with moments in the weights' own type; with 8-bit moments; with 8-bit moments of bfloat16 weights that are
rounded stochastically. The last two are torchao's."""


@dataclass
class TrainSettings:
    """How a run trains; the keys are explained in `conf/train/*.yaml`."""

    name: str = setting(affects="results")
    max_steps: int | None = setting(affects="results")
    epochs: int | None = setting(affects="results")
    table_step: int | None = setting(affects="results")
    prompts_per_step: int = setting(affects="results")
    group_size: int = setting(affects="results")
    per_device_batch: int = setting(affects="results")
    temperature: float = setting(affects="results")
    beta: float = setting(affects="results")
    epsilon: float = setting(affects="results")
    learning_rate: float = setting(affects="results")
    lr_scheduler: str = setting(affects="results")
    weight_decay: float = setting(affects="results")
    max_grad_norm: float = setting(affects="results")
    max_completion_length: int = setting(affects="results")
    gradient_checkpointing: bool = setting(affects="results")
    bf16: bool = setting(affects="results")
    share_prompts: bool = setting(affects="results")
    dynamic_sampling: int = setting(affects="results")
    mask_dead_kl: bool = setting(affects="results")
    optimizer: str = setting(affects="results", default="adamw")
    reference_dtype: str | None = setting(affects="results", default=None)
    passes: int = setting(affects="speed", default=1)
    checkpoints: int = setting(affects="reporting")
    keep_checkpoints: int = setting(affects="reporting")
    threads: int | None = setting(affects="speed")


@dataclass
class EvaluationSettings:
    """Greedy evaluation during and after training; the keys are explained in `conf/config.yaml`."""

    batch_size: int = setting(affects="speed")
    points: int = setting(affects="reporting")
    images: int = setting(affects="reporting")
    keep_mb: int = setting(affects="speed")


@dataclass
class GuardSettings:
    """When a run whose numbers diverge ends; the keys are explained in `conf/config.yaml`.

    None of them is part of a run's identity: a run that completes without them is the same run.
    """

    non_finite: str = setting(affects="reporting")
    most_skipped: int = setting(affects="reporting")
    most_kl: float | None = setting(affects="reporting")
    most_dead: int | None = setting(affects="reporting")


def check_guard(guard: GuardSettings) -> None:
    """Check the values of the `guard` group.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    if guard.non_finite not in ("stop", "skip"):
        raise ValueError(f"guard.non_finite={guard.non_finite} must be stop or skip.")
    if guard.most_skipped < 1:
        raise ValueError(
            f"guard.most_skipped={guard.most_skipped} must be at least 1; to skip none, guard.non_finite=stop."
        )
    for key in ("most_kl", "most_dead"):
        value = getattr(guard, key)
        if value is not None and value <= 0:
            raise ValueError(f"guard.{key}={value} must be above 0; null turns it off.")


def check_batches(train: TrainSettings, launch: LaunchSettings, trainer: str | None) -> None:
    """Check that a step's prompts and completions can be shared out evenly.

    Raises:
        ValueError: naming the key, the rule and a value that would do.
    """
    for key in COUNTS:
        value = getattr(train, key)
        if value is not None and value < 1:
            raise ValueError(f"train.{key}={value} must be at least 1.")
    if train.dynamic_sampling < 0:
        raise ValueError(f"train.dynamic_sampling={train.dynamic_sampling} must be at least 0, which turns it off.")
    if train.group_size < 2:
        raise ValueError(f"train.group_size={train.group_size} must be at least 2; a group of one has no spread.")
    world = world_size(launch)
    if world > 1 and trainer not in (None, BY_COMPLETIONS, BY_IMAGES):
        raise ValueError(f"launch={launch.name} cannot be used with method.trainer={trainer}; use launch=single.")
    if trainer == BY_IMAGES and train.prompts_per_step % world:
        raise ValueError(
            f"train.prompts_per_step={train.prompts_per_step} must be divisible by the {world} processes of "
            f"launch={launch.name}; use {-(-train.prompts_per_step // world) * world}."
        )
    completions = train.prompts_per_step * train.group_size
    product = "train.prompts_per_step x train.group_size"
    if completions % world:
        raise ValueError(
            f"{product} = {train.prompts_per_step} x {train.group_size} = {completions} must be divisible by the "
            f"{world} processes of launch={launch.name}; change train.prompts_per_step or launch.processes."
        )
    mine = completions // world
    if mine % train.per_device_batch:
        share = f"{completions}" if world == 1 else f"{completions} over {world} processes = {mine}"
        raise ValueError(
            f"train.per_device_batch={train.per_device_batch} must divide {product} = {share}; {mine} itself always "
            "does."
        )
    if train.passes < 1 or train.per_device_batch % train.passes:
        raise ValueError(
            f"train.passes={train.passes} must divide train.per_device_batch={train.per_device_batch}; use "
            "train.passes=1, or another divisor."
        )


def completions_at_once(train: TrainSettings) -> int:
    """Return the completions of one forward and backward pass on one device."""
    return train.per_device_batch // train.passes


def images_at_once(train: TrainSettings, launch: LaunchSettings) -> int:
    """Return the images of one pass of supervised training: the most that divide a step's and `completions_at_once`."""
    return gcd(completions_at_once(train), train.prompts_per_step // world_size(launch))


def check_precision(train: TrainSettings, model: ModelSettings, launch: LaunchSettings, trainer: str | None) -> None:
    """Check the precision of the weights, of the optimizer's moments and of the reference against each other.

    AdamW at 1e-6 moves 2 % of plain bfloat16 weights in 50 steps, where it moves every float32 one. So bfloat16 weights
    that are trained whole need float32 masters or stochastic rounding.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    if train.optimizer not in OPTIMIZERS:
        raise ValueError(f"train.optimizer={train.optimizer} is not known; use one of {', '.join(OPTIMIZERS)}.")
    zero = launch.engine in ("zero2", "zero3")
    whole = trainer in LANGUAGE_TRAINERS and adapters(model) is None
    if train.optimizer != "adamw" and zero:
        raise ValueError(
            f"train.optimizer={train.optimizer} does not work under launch={launch.name}, where DeepSpeed has an "
            "optimizer of its own; use train.optimizer=adamw."
        )
    if train.optimizer == "adamw_bf16" and not (whole and model.dtype == "bfloat16"):
        raise ValueError(
            "train.optimizer=adamw_bf16 rounds bfloat16 weights that are trained whole; use it with "
            "model.dtype=bfloat16 and model.lora.rank=0, or use train.optimizer=adamw_8bit."
        )
    if whole and model.dtype != "float32" and not zero and train.optimizer != "adamw_bf16":
        raise ValueError(
            f"model.dtype={model.dtype} has no float32 masters under launch={launch.name}: small steps would be "
            "rounded away; use model.dtype=float32 with train.bf16=true, or train.optimizer=adamw_bf16, or "
            "model.lora.rank=16, or launch=zero2."
        )
    if train.reference_dtype not in (None, "bfloat16"):
        raise ValueError(f"train.reference_dtype={train.reference_dtype} must be bfloat16, or null: the policy's own.")
    if train.reference_dtype and not train.bf16 and model.dtype == "float32":
        raise ValueError(
            "train.reference_dtype=bfloat16 with train.bf16=false compares a float32 policy with a rounded reference; "
            "use train.reference_dtype=null."
        )


def check_installed(train: TrainSettings, trainer: str | None) -> None:
    """Check, before weights are loaded, that the optimizer's package is there.

    Raises:
        ValueError: naming the key and the package.
    """
    if trainer is not None and train.optimizer != "adamw" and find_spec("torchao") is None:
        raise ValueError(
            f"train.optimizer={train.optimizer} needs the package torchao; pip install 'medloc[gpu]', or use "
            "train.optimizer=adamw."
        )


def describe_batches(train: TrainSettings, launch: LaunchSettings, trainer: str | None, images: int, steps: int) -> str:
    """Say in one line what a step and an epoch are.

    Args:
        train: the `train` group.
        launch: the `launch` group.
        trainer: `method.trainer`; only "grpo" has completions.
        images: number of training images.
        steps: optimizer steps of the run.
    """
    world, completions = world_size(launch), train.prompts_per_step * train.group_size
    micro = completions_at_once(train)
    per_epoch = images // train.prompts_per_step
    processes = "" if world == 1 else f" on {world} processes"
    run = f"the run: {steps} steps = {steps / per_epoch:.2f} epochs"
    if trainer != BY_COMPLETIONS:
        return (
            f"a step: {train.prompts_per_step} images{processes}; an epoch: {images} images = {per_epoch} steps; {run}"
        )
    return (
        f"a step: {train.prompts_per_step} prompts x {train.group_size} = {completions} completions in "
        f"{completions // world // micro} micro-batches of {micro}{processes}; an "
        f"epoch: {images} images = {per_epoch} steps, {per_epoch * completions} completions; {run}"
    )
