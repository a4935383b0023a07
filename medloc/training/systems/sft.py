"""Supervised fine-tuning by TRL's SFTTrainer: the same prompt and images as GRPO, the true box alone as the answer.

The paper used another trainer (LLaMA Factory) and says of SFT that it answers with the box and no reasoning.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.models.family import AnswerGrid
from medloc.models.lora import lora_config
from medloc.spec.run import RunSpec
from medloc.training.callbacks.checkpoint import WholeCheckpoint
from medloc.training.runner.order import SameOrder
from medloc.training.runner.resume import LoadsSavedLayout, fit
from medloc.training.systems.base import Training
from medloc.training.systems.supervised import supervised_arguments
from medloc.training.systems.vlm import VisionLanguageSystem


class BoxSFTTrainer(WholeCheckpoint, LoadsSavedLayout, SameOrder, SFTTrainer):
    """SFTTrainer that resumes for real and meets the images in GRPO's order."""


class SftSystem(VisionLanguageSystem):
    """A vision-language model trained on the true boxes, written as it would write them."""

    def train(self, training: Training) -> None:
        """Trains with the loss on the answer's tokens only."""
        trainer = BoxSFTTrainer(
            model=self.loaded.model,
            processing_class=self.loaded.processor,
            args=sft_config(self.settings, training.steps, training.folder),
            train_dataset=answered_rows(training.examples, self.prompt, self.loaded.grid),
            callbacks=[training.trace, *training.callbacks],
            peft_config=lora_config(self.settings.model),
        )
        fit(trainer, training.folder)
        self.keep(trainer.model)


def sft_config(settings: RunSpec, steps: int, folder: Path) -> SFTConfig:
    """Returns TRL's configuration; every departure from a default that could move the loss is named."""
    return SFTConfig(
        **supervised_arguments(settings, steps, folder),
        max_length=None,  # trl's default of 1024 tokens would cut through the image
        completion_only_loss=True,
        packing=False,
    )


def answered_rows(examples: Sequence[Example], prompt: str, grid: Callable[[int, int], AnswerGrid]) -> Dataset:
    """Returns TRL's rows: the question, the box on the model's own grid, and the image, opened when asked for."""
    return Dataset.from_list([_row(example, prompt, grid) for example in examples]).with_transform(_with_images)


def _row(example: Example, prompt: str, grid: Callable[[int, int], AnswerGrid]) -> dict[str, Any]:
    answer = grid(example.width, example.height).text(example.box, example.width, example.height)
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
        "path": str(example.image),
    }


def _with_images(batch: dict[str, list]) -> dict[str, list]:
    paths = batch.pop("path")
    return {**batch, "image": [open_image(Path(path)) for path in paths]}
