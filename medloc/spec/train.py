"""The groups `train`, `evaluation` and `guard`, and the checks of prompts, group size and micro-batch."""

from dataclasses import dataclass
from importlib.util import find_spec
from math import gcd

from medloc.spec.fields import setting
from medloc.spec.launch import LaunchSettings, world_size
from medloc.spec.model import LANGUAGE_TRAINERS, ModelSettings, adapters

BY_COMPLETIONS, BY_IMAGES = "grpo", "sft"
"""Trainers that divide their work over processes: by completions, and by images."""

OPTIMIZERS = ("adamw", "adamw_8bit", "adamw_bf16")
"""AdamW with moments in the weights' own type; with 8-bit moments; with 8-bit moments of bfloat16 weights that are
rounded stochastically. The last two are torchao's."""


@dataclass
class TrainSettings:
    """How a run trains; the keys are explained in `conf/train/*.yaml`."""

    name: str = setting(affects="results")
    max_steps: int | None = setting(affects="results", at_least=1)
    epochs: int | None = setting(affects="results", at_least=1)
    table_step: int | None = setting(affects="results", at_least=1)
    prompts_per_step: int = setting(affects="results", at_least=1)
    group_size: int = setting(affects="results", at_least=2, remedy="a group of one has no spread")
    per_device_batch: int = setting(affects="results", at_least=1)
    temperature: float = setting(affects="results", above=0)
    beta: float = setting(affects="results", at_least=0)
    epsilon: float = setting(affects="results", above=0)
    learning_rate: float = setting(affects="results", at_least=0)
    lr_scheduler: str = setting(affects="results")
    weight_decay: float = setting(affects="results", at_least=0)
    max_grad_norm: float = setting(affects="results", at_least=0)
    max_completion_length: int = setting(affects="results", at_least=1)
    gradient_checkpointing: bool = setting(affects="results")
    bf16: bool = setting(affects="results")
    share_prompts: bool = setting(affects="results")
    dynamic_sampling: int = setting(affects="results", at_least=0, remedy="0 turns it off")
    mask_dead_kl: bool = setting(affects="results")
    optimizer: str = setting(affects="results", default="adamw", one_of=tuple(OPTIMIZERS))
    reference_dtype: str | None = setting(affects="results", default=None, one_of=("bfloat16",))
    passes: int = setting(affects="speed", default=1, at_least=1)
    checkpoints: int = setting(affects="reporting", at_least=1)
    keep_checkpoints: int = setting(affects="reporting", at_least=1)
    threads: int | None = setting(affects="speed", at_least=1, remedy="null uses all cores")


@dataclass
class EvaluationSettings:
    """Greedy evaluation during and after training; the keys are explained in `conf/config.yaml`."""

    batch_size: int = setting(affects="speed", at_least=1)
    points: int = setting(affects="reporting", at_least=0)
    images: int = setting(affects="reporting", at_least=1)
    keep_mb: int = setting(affects="speed", at_least=0)


@dataclass
class GuardSettings:
    """When a run whose numbers diverge ends; the keys are explained in `conf/config.yaml`.

    None of them is part of a run's identity: a run that completes without them is the same run.
    """

    non_finite: str = setting(affects="reporting", one_of=("stop", "skip"))
    most_skipped: int = setting(affects="reporting", at_least=1, remedy="to skip none, guard.non_finite=stop")
    most_kl: float | None = setting(affects="reporting", above=0, remedy="null turns it off")
    most_dead: int | None = setting(affects="reporting", above=0, remedy="null turns it off")


def check_batches(train: TrainSettings, launch: LaunchSettings, trainer: str | None) -> None:
    """Check that a step's prompts and completions can be shared out evenly.

    Raises:
        ValueError: naming the key, the rule and a value that would do.
    """
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
    if train.per_device_batch % train.passes:
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
