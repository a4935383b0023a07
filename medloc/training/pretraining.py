"""Teaching a tiny base to find general shapes and to answer with a box, by transformers' own Trainer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import ProcessorMixin, Trainer, TrainingArguments

from medloc.data.prompts import known_prompts
from medloc.models.family import AnswerGrid
from medloc.models.load import save_base
from medloc.models.shapes import ShapeItem, draw_item
from medloc.models.tiny_qwen import SIZES, tiny_model, tiny_processor
from medloc.settings.pretrain import PretrainSettings
from medloc.training.hardware import cores, set_threads
from medloc.training.resume import LoadsSavedLayout

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
        step: coordinates are rounded to multiples of this many pixels.
    """

    processor: Any
    prompts: list[str]
    step: int

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
        grid = AnswerGrid("resized", width, height, self.step)
        return grid.text(item.box, width, height) + self.processor.tokenizer.eos_token


class PretrainingTrainer(LoadsSavedLayout, Trainer):
    """transformers' Trainer over the stream in its own order, from easy to hard."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        return SequentialSampler(train_dataset or self.train_dataset)


def make_base(settings: PretrainSettings) -> Path:
    """Makes the base `settings.model` and saves it, with its processor, under `settings.out`.

    Raises:
        ValueError: unknown size.
    """
    if settings.model not in SIZES:
        raise ValueError(f"model={settings.model} is unknown; known: {', '.join(SIZES)}.")
    set_threads(settings.threads or cores())
    torch.manual_seed(settings.seed)
    prompts = known_prompts()
    processor = tiny_processor(prompts)
    model = tiny_model(settings.model, processor)
    pretrain(model, processor, prompts, settings, Path(settings.work))
    save_base(model, processor, Path(settings.out))
    return Path(settings.out)


def pretrain(
    model: Any, processor: ProcessorMixin, prompts: list[str], settings: PretrainSettings, folder: Path
) -> Trainer:
    """Pre-trains `model` in place under `folder`, resuming from its newest checkpoint if there is one.

    Args:
        model: a tiny model with random weights.
        processor: its processor.
        prompts: every prompt the base should know.
        settings: steps, batch size and the rest.
        folder: where checkpoints live.

    Returns:
        The finished trainer.
    """
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
        train_dataset=ShapeDataset(settings.steps * settings.batch_size, settings.seed),
        data_collator=ShapeCollator(processor, prompts, settings.step),
    )
    resume = any(folder.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=resume or None)
    return trainer
