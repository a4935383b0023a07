"""Teaching the tiny GroundingDINO to box general shapes, with the class's own loss and transformers' own Trainer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.data.prompts import TARGETS
from medloc.models.grounding_dino import detector_inputs, detector_target
from medloc.models.tiny.grounding_dino import tiny_detector, tiny_detector_processor
from medloc.models.tiny.shapes import ShapeItem
from medloc.spec.pretrain import PretrainSettings
from medloc.training.pretraining.language import ShapeDataset, begin, pretrain, to_store


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
    """Makes the base `grounding_dino_tiny` and saves it, with its processor, under `settings.out`."""
    begin(settings)
    processor, model = tiny_detector_processor(), tiny_detector()
    dataset = ShapeDataset(settings.steps * settings.batch_size, settings.seed)
    pretrain(model, dataset, DetectionCollator(processor), settings)
    to_store(model, settings).save_pretrained(settings.out)
    processor.save_pretrained(settings.out)
    return Path(settings.out)
