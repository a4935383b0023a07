"""Prompts, group size, micro-batch and processes against each other, before anything is loaded."""

from medloc.spec.launch import LaunchSettings, world_size
from medloc.spec.run import TrainSettings

COUNTS = ("max_steps", "epochs", "prompts_per_step", "per_device_batch", "checkpoints", "keep_checkpoints")
BY_COMPLETIONS, BY_IMAGES = "grpo", "sft"
"""Trainers that share their work out over processes: completions, and images."""


def check_batches(train: TrainSettings, launch: LaunchSettings, trainer: str | None) -> None:
    """Check that a step's prompts and completions can be shared out evenly.

    Raises:
        ValueError: naming the key, the rule and a value that would do.
    """
    for key in COUNTS:
        value = getattr(train, key)
        if value is not None and value < 1:
            raise ValueError(f"train.{key}={value} must be at least 1.")
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
