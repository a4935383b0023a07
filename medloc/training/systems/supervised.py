"""What training on given boxes has in common, whatever learns: order of the images, batches, checkpoints."""

from math import gcd
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainingArguments

from medloc.spec.launch import world_size
from medloc.spec.run import RunSpec
from medloc.training.callbacks.checkpoint import WholeCheckpoint
from medloc.training.runner.arguments import common_arguments
from medloc.training.runner.order import SameOrder
from medloc.training.runner.resume import fit
from medloc.training.systems.base import Training


def supervised_arguments(settings: RunSpec, steps: int, folder: Path) -> dict[str, Any]:
    """Returns the trainer's arguments: `train.prompts_per_step` images a step, as many as GRPO asks about.

    A micro-batch is the largest that divides a process's share of them and `train.per_device_batch`.
    """
    train = settings.train
    mine = train.prompts_per_step // world_size(settings.launch)
    micro = gcd(train.per_device_batch, mine)
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
    """Trains `model` in place by its own loss.

    Args:
        trainer_class: a `BoxTrainer`.
        model: the network.
        collator: makes its inputs and targets of a list of examples.
        training: images, steps, folder and callbacks.
        settings: the run's settings.
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
