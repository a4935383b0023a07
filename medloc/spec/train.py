"""The groups `train`, `evaluation` and `guard`, and the checks of prompts, group size and micro-batch."""

from dataclasses import dataclass

from medloc.spec.fields import setting
from medloc.spec.launch import LaunchSettings, world_size

BY_COMPLETIONS, BY_IMAGES = "grpo", "sft"
"""Trainers that divide their work over processes: by completions, and by images."""


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
    per_epoch = images // train.prompts_per_step
    processes = "" if world == 1 else f" on {world} processes"
    run = f"the run: {steps} steps = {steps / per_epoch:.2f} epochs"
    if trainer != BY_COMPLETIONS:
        return (
            f"a step: {train.prompts_per_step} images{processes}; an epoch: {images} images = {per_epoch} steps; {run}"
        )
    return (
        f"a step: {train.prompts_per_step} prompts x {train.group_size} = {completions} completions in "
        f"{completions // world // train.per_device_batch} micro-batches of {train.per_device_batch}{processes}; an "
        f"epoch: {images} images = {per_epoch} steps, {per_epoch * completions} completions; {run}"
    )
