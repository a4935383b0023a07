"""Pre-train the tiny bases on general shapes, from easy to hard, by transformers' own Trainer.

This is a training loop, so it lies here; the miniatures themselves are in `medloc.models.tiny`. A language base learns
to answer with a box, the CLIP which caption goes with a crop (contrastive loss), the GroundingDINO to box a shape.
"""

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
from medloc.data.prompts import TARGETS, known_prompts
from medloc.models.base import save_base
from medloc.models.grounding_dino import detector_inputs, detector_target
from medloc.models.tiny.clip import CAPTIONS, CropItem, draw_crop, tiny_clip_model, tiny_clip_processor
from medloc.models.tiny.grounding_dino import tiny_detector, tiny_detector_processor
from medloc.models.tiny.shapes import ShapeItem, draw_item
from medloc.models.tiny.vlm import tiny_internvl_model, tiny_internvl_processor, tiny_model, tiny_processor
from medloc.models.vlm import qwen_grid, thousand_grid
from medloc.spec.machine import cores
from medloc.spec.pretrain import PretrainSettings
from medloc.training.runner.checkpoint import LoadsSavedLayout
from medloc.training.runner.machine import set_threads

EASY, HARDEST = 0.06, 0.50  # shares of the run at which difficulty leaves 0 and reaches 1


class ShapeDataset(Dataset):
    """Item i of a fixed stream: the same seed gives the same images, and difficulty rises with i."""

    def __init__(self, length: int, seed: int):
        self.length, self.seed = length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, int]:
        rng = np.random.default_rng((self.seed, index))
        difficulty = float(np.clip((index / self.length - EASY) / (HARDEST - EASY), 0, 1))
        return draw_item(rng, difficulty * rng.uniform(0.6, 1.0)), int(rng.integers(1 << 30))


class CropDataset(ShapeDataset):
    """Crops of the same shapes."""

    def __getitem__(self, index: int) -> tuple[Any, int]:
        item, pick = super().__getitem__(index)
        return draw_crop(np.random.default_rng((self.seed, index, 1)), item), pick


@dataclass
class ShapeCollator:
    """Turns items into a language base's inputs; only the answer's tokens carry labels.

    Attributes:
        processor: The tiny processor.
        prompts: The prompts to draw from; every image goes with any of them.
        grid: Maps an image's (width, height) in px to the grid on which it is answered.
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
        messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
        return self.processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)

    def _answer(self, item: ShapeItem) -> str:
        width, height = item.image.size
        return self.grid(width, height).text(item.box, width, height) + self.processor.tokenizer.eos_token


@dataclass
class CropCollator:
    """Turns crops into CLIP's inputs; each batch holds every caption many times, under every name of a target.

    CLIP's loss takes the other captions of the batch as negatives, equal ones among them; they can only share the
    probability of a crop, and its best solution still ranks captions by how likely each is for the crop.

    Attributes:
        processor: The tiny processor.
        targets: The names to draw from; every object goes by any of them.
    """

    processor: Any
    targets: list[str]

    def __call__(self, items: list[tuple[CropItem, int]]) -> dict[str, Any]:
        texts = [CAPTIONS[item.caption].format(target=self.targets[pick % len(self.targets)]) for item, pick in items]
        images = [item.image for item, _ in items]
        batch = self.processor(text=texts, images=images, padding=True, return_tensors="pt")
        return {**batch, "return_loss": True}


@dataclass
class DetectionCollator:
    """Turns shapes into the detector's inputs and targets; a batch shares one phrase, each target's in turn.

    Attributes:
        processor: The tiny processor.
    """

    processor: Any

    def __call__(self, items: list[tuple[ShapeItem, int]]) -> dict[str, Any]:
        phrases = list(TARGETS.values())
        phrase = phrases[items[0][1] % len(phrases)]
        inputs = detector_inputs(self.processor, [item.image for item, _ in items], phrase)
        return {**inputs, "labels": [detector_target(item.box, *item.image.size) for item, _ in items]}


class PretrainingTrainer(LoadsSavedLayout, Trainer):
    """transformers' Trainer over the stream in its own order, from easy to hard."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        return SequentialSampler(train_dataset or self.train_dataset)


@dataclass(frozen=True)
class Recipe:
    """What a tiny base is made of.

    Attributes:
        model: Draws its weights, from settings and processor.
        processor: Makes its processor.
        collator: Makes what turns items into its inputs, from settings and processor.
        dataset: The stream of items.
    """

    model: Callable[[PretrainSettings, Any], Any]
    processor: Callable[[], Any]
    collator: Callable[[PretrainSettings, Any], Callable]
    dataset: type[ShapeDataset] = ShapeDataset


def _shape_collator(grid: Callable, settings: PretrainSettings, processor: Any) -> ShapeCollator:
    if settings.step is None:
        raise ValueError("step=null: a base that answers in words needs the step of its coordinates; give a number.")
    return ShapeCollator(processor, known_prompts(), partial(grid, processor.image_processor, step=settings.step))


QWEN = Recipe(
    lambda settings, processor: tiny_model(settings.model, processor),
    lambda: tiny_processor(known_prompts()),
    partial(_shape_collator, qwen_grid),
)
RECIPES = {
    "tiny_s": QWEN,
    "tiny_m": QWEN,
    "tiny_l": QWEN,
    "internvl_tiny": Recipe(
        lambda settings, processor: tiny_internvl_model(processor),
        lambda: tiny_internvl_processor(known_prompts()),
        partial(_shape_collator, thousand_grid),
    ),
    "clip_tiny": Recipe(
        lambda settings, processor: tiny_clip_model(processor),
        lambda: tiny_clip_processor(list(TARGETS.values())),
        lambda settings, processor: CropCollator(processor, list(TARGETS.values())),
        CropDataset,
    ),
    "grounding_dino_tiny": Recipe(
        lambda settings, processor: tiny_detector(),
        tiny_detector_processor,
        lambda settings, processor: DetectionCollator(processor),
    ),
}
"""Name of a tiny base -> what it is made of."""


def pretrain_base(settings: PretrainSettings) -> Path:
    """Make the base `settings.model` under `settings.out` and return that folder; resume from the newest checkpoint.

    Raises:
        ValueError: There is no such recipe, or its coordinates have no step.
    """
    if settings.model not in RECIPES:
        raise ValueError(f"model={settings.model} is unknown; known: {', '.join(RECIPES)}.")
    recipe, out = RECIPES[settings.model], Path(settings.out)
    set_threads(settings.threads or cores())
    torch.manual_seed(settings.seed)  # before the first weight is drawn
    processor = recipe.processor()
    collator, model = recipe.collator(settings, processor), recipe.model(settings, processor)
    pretrain(model, recipe.dataset(settings.steps * settings.batch_size, settings.seed), collator, settings)
    model.to(getattr(torch, settings.stored_as))
    if isinstance(collator, ShapeCollator):
        save_base(model, processor, out)
    else:
        model.save_pretrained(out)
        processor.save_pretrained(out)
    return out


def pretrain(model: Any, dataset: Dataset, collator: Callable, settings: PretrainSettings) -> None:
    """Pre-train `model` in place under `settings.work`, from its newest checkpoint if there is one.

    Args:
        model: A tiny model with random weights.
        dataset: Its items, in their order.
        collator: Turns items into the model's inputs, the labels among them where it needs any.
        settings: Steps, batch size and the rest.
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
    trainer = PretrainingTrainer(model=model, args=arguments, train_dataset=dataset, data_collator=collator)
    trainer.train(resume_from_checkpoint=any(folder.glob("checkpoint-*")) or None)
