"""GroundingDINO, fine-tuned on the training boxes with its own loss; "the highest-confidence predicted box" answers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.prompts import target_of
from medloc.evaluation.samples import Sample, pixel_ceiling_ious, pixel_sample
from medloc.models.grounding_dino import best_boxes, detector_inputs, detector_target
from medloc.spec.run import RunSpec
from medloc.training.runner.checkpoint import LoadsSavedLayout
from medloc.training.systems.supervised import BoxSystem, BoxTrainer


class DetectorTrainer(LoadsSavedLayout, BoxTrainer):
    """Resumes every weight of its checkpoints."""


class DetectorSystem(BoxSystem):
    """Looks for the name of the data set's target, and learns by Hungarian matching, focal, L1 and GIoU terms."""

    trainer = DetectorTrainer

    def __init__(self, settings: RunSpec):
        super().__init__(settings)
        self.phrase = target_of(settings.dataset)

    @property
    def untrained(self) -> dict[str, Any]:
        """Weights and phrase, and what may move the last bits of a box."""
        return {
            "weights": self.fingerprint,
            "dtype": self.settings.model.dtype,
            "phrase": self.phrase,
            "batch_size": self.settings.evaluation.batch_size,
            "device": self.loaded.model.device.type,
        }

    def samples(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer each example with the highest-scoring box."""
        sizes = [(example.width, example.height) for example in examples]
        boxes = best_boxes(self.loaded.model, self._inputs(examples), sizes)
        return [pixel_sample(example, box) for example, box in zip(examples, boxes, strict=True)]

    def collate(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Turn examples into the detector's inputs and targets."""
        labels = [detector_target(each.box, each.width, each.height) for each in examples]
        return {**self._inputs(examples), "labels": labels}

    def _inputs(self, examples: Sequence[Example]) -> Any:
        return detector_inputs(self.loaded.processor, [open_image(example.image) for example in examples], self.phrase)

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Return what writing pixels to two decimals allows."""
        return pixel_ceiling_ious(examples)

    def save(self, folder: Path) -> None:
        """Save model and processor."""
        self.loaded.model.save_pretrained(folder)
        self.loaded.processor.save_pretrained(folder)
