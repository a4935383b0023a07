"""What all training on true boxes has in common: order of the images, batches, checkpoints."""

from pathlib import Path
from typing import Any

from transformers import Trainer, TrainingArguments

from medloc.spec.launch import world_size
from medloc.spec.run import RunSpec
from medloc.spec.train import images_at_once
from medloc.training.runner.arguments import common_arguments
from medloc.training.runner.checkpoint import WholeCheckpoint, fit
from medloc.training.systems import Training
from medloc.training.systems.order import SameOrder


def supervised_arguments(settings: RunSpec, steps: int, folder: Path) -> dict[str, Any]:
    """Return the trainer's arguments: `train.prompts_per_step` images a step, as many as GRPO asks about.

    A micro-batch is the largest that divides a process's share of them and `train.per_device_batch / train.passes`.
    """
    train = settings.train
    mine = train.prompts_per_step // world_size(settings.launch)
    micro = images_at_once(train, settings.launch)
    return {
        **common_arguments(settings, steps, folder),
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": mine // micro,
        "remove_unused_columns": False,
    }


class BoxTrainer(WholeCheckpoint, SameOrder, Trainer):
    """transformers' Trainer over examples, for a network whose forward returns its own loss."""


def train_on_boxes(
    trainer_class: type[Trainer], model: Any, collator: Any, training: Training, settings: RunSpec
) -> None:
    """Train `model` in place by its own loss.

    Args:
        trainer_class: A `BoxTrainer`.
        model: The network.
        collator: Turns a list of examples into its inputs and targets.
        training: Images, steps, folder and callbacks.
        settings: The run's settings.
    """
    arguments = supervised_arguments(settings, training.steps, training.folder)
    arguments |= {"bf16": False, "gradient_checkpointing": False}  # small networks; the matcher compares float32 costs
    trainer = trainer_class(
        model=model,
        args=TrainingArguments(**arguments),
        train_dataset=list(training.examples),
        data_collator=collator,
        callbacks=[training.trace, *training.callbacks],
    )
    fit(trainer, training.folder)
