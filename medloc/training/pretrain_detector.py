"""Teaching the tiny GroundingDINO to box general shapes, with the class's own loss and transformers' own Trainer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from medloc.data.prompts import TARGETS
from medloc.models.grounding_dino import detector_inputs, detector_target
from medloc.models.shapes import ShapeItem
from medloc.models.tiny_grounding_dino import tiny_detector, tiny_detector_processor
from medloc.settings.pretrain import PretrainSettings
from medloc.training.hardware import cores, set_threads
from medloc.training.pretraining import PretrainingTrainer, ShapeDataset


@dataclass
class DetectionCollator:
    """Turns shapes into the detector's inputs and targets; a batch shares one phrase, each target's in turn.

    Attributes:
        processor: the tiny processor.
    """

    processor: Any

    def __call__(self, items: list[tuple[ShapeItem, int]]) -> dict[str, Any]:
        phrases = list(TARGETS.values())
        phrase = phrases[items[0][1] % len(phrases)]
        inputs = detector_inputs(self.processor, [item.image for item, _ in items], phrase)
        return {**inputs, "labels": [detector_target(item.box, *item.image.size) for item, _ in items]}


def make_detector_base(settings: PretrainSettings) -> Path:
    """Makes the base `grounding_dino_tiny` and saves it, with its processor, under `settings.out`.

    `settings.step`, the rounding of written coordinates, has no meaning here.
    """
    set_threads(settings.threads or cores())
    torch.manual_seed(settings.seed)
    processor, model = tiny_detector_processor(), tiny_detector()
    pretrain_detector(model, processor, settings, Path(settings.work))
    out = Path(settings.out)
    model.save_pretrained(out)
    processor.save_pretrained(out)
    return out


def pretrain_detector(model: Any, processor: Any, settings: PretrainSettings, folder: Path) -> Trainer:
    """Pre-trains `model` in place under `folder`, resuming from its newest checkpoint if there is one.

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
        data_collator=DetectionCollator(processor),
    )
    resume = any(folder.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=resume or None)
    return trainer
