"""How long a run trains, and the arguments of transformers' Trainer that every system has in common."""

from pathlib import Path
from typing import Any

import torch

from medloc.spec.run import RunSpec, learning_rate
from medloc.spec.train import TrainSettings
from medloc.training.distributed.engines import engine_arguments


def planned_steps(train: TrainSettings, images: int) -> int:
    """Returns the optimizer steps of a run over `images` training images.

    Raises:
        ValueError: fewer images than one step takes, or neither steps nor epochs given.
    """
    if images < train.prompts_per_step:
        raise ValueError(
            f"train.prompts_per_step={train.prompts_per_step} must not exceed the {images} training images; lower it."
        )
    per_epoch = images // train.prompts_per_step
    bounds = [train.max_steps, train.epochs * per_epoch if train.epochs else None]
    given = [bound for bound in bounds if bound is not None]
    if not given:
        raise ValueError("train.max_steps=null needs train.epochs; give one of them.")
    return min(given)


def common_arguments(settings: RunSpec, steps: int, folder: Path) -> dict[str, Any]:
    """Returns what `TrainingArguments` and its descendants are given alike: optimizer, length, checkpoints, device."""
    train = settings.train
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "learning_rate": learning_rate(settings),
        "lr_scheduler_type": train.lr_scheduler,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "bf16": train.bf16,
        "gradient_checkpointing": train.gradient_checkpointing,
        "seed": settings.seed,
        "logging_steps": 1,  # the trace has one line per step
        "save_steps": max(1, steps // train.checkpoints),
        "save_total_limit": train.keep_checkpoints,
        "use_cpu": settings.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        "report_to": "none",
        "disable_tqdm": True,
        **engine_arguments(settings),
    }
