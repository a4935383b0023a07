"""What all training on true boxes has in common: order of the images, batches, checkpoints, and answers in pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainingArguments

from medloc.data.example import Example
from medloc.evaluation.answer import in_batches
from medloc.evaluation.samples import Sample
from medloc.models.load import load_run_model
from medloc.spec.launch import world_size
from medloc.spec.run import RunSpec
from medloc.spec.train import images_at_once
from medloc.training.runner.arguments import common_arguments
from medloc.training.runner.checkpoint import WholeCheckpoint, fit
from medloc.training.systems import System, Training
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


class BoxSystem(System):
    """A network that answers with a box, without words, and is trained by its own loss.

    Attributes:
        trainer: The class of its trainer.
    """

    trainer: type[BoxTrainer] = BoxTrainer

    def __init__(self, settings: RunSpec):
        self.settings, self.loaded = settings, load_run_model(settings)

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.loaded.fingerprint

    def samples(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer one batch; the network is in evaluation mode."""
        raise NotImplementedError

    def collate(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Turn examples into the network's inputs and targets."""
        raise NotImplementedError

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer every example, batch by batch."""
        model, size = self.loaded.model, self.settings.evaluation.batch_size
        was_training = model.training
        model.eval()
        samples = [sample for batch in in_batches(examples, size, "answering") for sample in self.samples(batch)]
        model.train(was_training)
        return samples

    def train(self, training: Training) -> None:
        """Train by the network's own loss, in float32: networks are small, and the detector's matcher needs it."""
        arguments = supervised_arguments(self.settings, training.steps, training.folder)
        trainer = self.trainer(
            model=self.loaded.model,
            args=TrainingArguments(**{**arguments, "bf16": False, "gradient_checkpointing": False}),
            train_dataset=list(training.examples),
            data_collator=self.collate,
            callbacks=[training.trace, *training.callbacks],
        )
        fit(trainer, training.folder)
