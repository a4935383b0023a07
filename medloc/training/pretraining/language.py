"""Teaching a tiny base to find general shapes and to answer with a box, by transformers' own Trainer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import Trainer, TrainingArguments

from medloc.boxes import AnswerGrid
from medloc.data.prompts import known_prompts
from medloc.models.base import save_base
from medloc.models.tiny.shapes import ShapeItem, draw_item
from medloc.models.tiny.vlm import tiny_internvl_model, tiny_internvl_processor, tiny_model, tiny_processor
from medloc.models.vlm import qwen_grid, thousand_grid
from medloc.spec.machine import cores
from medloc.spec.pretrain import PretrainSettings
from medloc.training.runner.hardware import set_threads
from medloc.training.runner.resume import LoadsSavedLayout

EASY, HARDEST = 0.06, 0.50  # shares of the run at which difficulty leaves 0 and reaches 1


class ShapeDataset(Dataset):
    """Item i of a fixed stream: the same seed gives the same images, and difficulty rises with i."""

    def __init__(self, length: int, seed: int):
        self.length, self.seed = length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[ShapeItem, int]:
        rng = np.random.default_rng((self.seed, index))
        difficulty = float(np.clip((index / self.length - EASY) / (HARDEST - EASY), 0, 1))
        return draw_item(rng, difficulty * rng.uniform(0.6, 1.0)), int(rng.integers(1 << 30))


@dataclass
class ShapeCollator:
    """Turns items into the model's inputs; only the answer's tokens carry labels.

    Attributes:
        processor: the tiny processor.
        prompts: the prompts to draw from; every image goes with any of them.
        grid: maps an image's (width, height) in px to the grid on which it is answered.
    """

    processor: Any
    prompts: list[str]
    grid: Callable[[int, int], AnswerGrid]

    def __call__(self, items: list[tuple[ShapeItem, int]]) -> dict[str, torch.Tensor]:
        questions = [self._question(self.prompts[pick % len(self.prompts)]) for _, pick in items]
        answers = [self._answer(item) for item, _ in items]
        batch = self.processor(
            text=[q + a for q, a in zip(questions, answers, strict=True)],
            images=[item.image for item, _ in items],
            padding=True,
            return_tensors="pt",
        )
        labels = torch.full_like(batch["input_ids"], -100)
        for row, answer in enumerate(answers):
            length = len(self.processor.tokenizer(answer).input_ids)
            labels[row, -length:] = batch["input_ids"][row, -length:]
        return {**batch, "labels": labels}

    def _question(self, prompt: str) -> str:
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        messages = [{"role": "user", "content": content}]
        return self.processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)

    def _answer(self, item: ShapeItem) -> str:
        width, height = item.image.size
        return self.grid(width, height).text(item.box, width, height) + self.processor.tokenizer.eos_token


class PretrainingTrainer(LoadsSavedLayout, Trainer):
    """transformers' Trainer over the stream in its own order, from easy to hard."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        return SequentialSampler(train_dataset or self.train_dataset)


def make_base(settings: PretrainSettings) -> Path:
    """Makes the vision-language base `settings.model` and saves it, with its processor, under `settings.out`.

    Raises:
        ValueError: coordinates have no step.
    """
    if settings.step is None:
        raise ValueError("step=null: a base that answers in words needs the step of its coordinates; give a number.")
    begin(settings)
    prompts = known_prompts()
    model, collator = _untrained(settings.model, prompts, settings.step)
    pretrain(model, ShapeDataset(settings.steps * settings.batch_size, settings.seed), collator, settings)
    save_base(to_store(model, settings), collator.processor, Path(settings.out))
    return Path(settings.out)


def _untrained(name: str, prompts: list[str], step: int) -> tuple[Any, ShapeCollator]:
    """Returns the model `name` with random weights, and the collator that feeds it."""
    if name == "internvl_tiny":
        processor, grid = tiny_internvl_processor(prompts), thousand_grid
        model: Any = tiny_internvl_model(processor)
    else:
        processor, grid = tiny_processor(prompts), qwen_grid
        model = tiny_model(name, processor)
    return model, ShapeCollator(processor, prompts, partial(grid, processor.image_processor, step=step))


def to_store(model: Any, settings: PretrainSettings) -> Any:
    """Returns the finished model in the precision in which it is to be stored."""
    return model.to(getattr(torch, settings.stored_as))


def begin(settings: PretrainSettings) -> None:
    """Fixes the threads and the random state, before the first weight is drawn."""
    set_threads(settings.threads or cores())
    torch.manual_seed(settings.seed)


def pretrain(model: Any, dataset: Dataset, collator: Callable, settings: PretrainSettings) -> Trainer:
    """Pre-trains `model` in place under `settings.work`, resuming from its newest checkpoint if there is one.

    Args:
        model: a tiny model with random weights.
        dataset: its items, in their order.
        collator: turns items into the model's inputs, the labels among them where it needs any.
        settings: steps, batch size and the rest.

    Returns:
        The finished trainer.
    """
    folder = Path(settings.work)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=1.0,
        seed=settings.seed,
        logging_steps=50,
        save_steps=settings.save_steps,
        save_total_limit=2,
        dataloader_num_workers=settings.workers,
        remove_unused_columns=False,
        report_to="none",
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
    )
    trainer = PretrainingTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=collator,
    )
    resume = any(folder.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=resume or None)
    return trainer
