"""GroundingDINO, fine-tuned on the training boxes with its own loss; "the highest-confidence predicted box" answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.prompts import target_of
from medloc.evaluation.answer import in_batches
from medloc.evaluation.samples import Sample, pixel_ceiling_ious, pixel_sample
from medloc.models.grounding_dino import best_boxes, detector_inputs, detector_target
from medloc.models.load import load_run_model
from medloc.runs.record import Record
from medloc.spec.run import RunSpec
from medloc.training.runner.checkpoint import LoadsSavedLayout
from medloc.training.systems import Training
from medloc.training.systems.supervised import BoxTrainer, train_on_boxes


class DetectorTrainer(LoadsSavedLayout, BoxTrainer):
    """Resumes every weight of its checkpoints."""


@dataclass
class ExampleCollator:
    """Turns examples into the detector's inputs and targets.

    Attributes:
        processor: The detector's.
        phrase: What is looked for, the same in every image.
    """

    processor: Any
    phrase: str

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        inputs = detector_inputs(self.processor, [open_image(example.image) for example in examples], self.phrase)
        return {**inputs, "labels": [detector_target(each.box, each.width, each.height) for each in examples]}


class DetectorSystem:
    """Looks for the name of the data set's target."""

    def __init__(self, settings: RunSpec):
        self.settings = settings
        self.detector = load_run_model(settings)
        self.phrase = target_of(settings.dataset)

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.detector.fingerprint

    @property
    def untrained(self) -> dict[str, Any]:
        """Weights and phrase, and what may move the last bits of a box."""
        size, device = self.settings.evaluation.batch_size, self.detector.model.device.type
        return {
            "weights": self.fingerprint,
            "dtype": self.settings.model.dtype,
            "phrase": self.phrase,
            "batch_size": size,
            "device": device,
        }

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Return nothing: it learns from image, phrase and box alone."""
        return ()

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer every example with the highest-scoring box."""
        model, size = self.detector.model, self.settings.evaluation.batch_size
        was_training = model.training
        model.eval()
        samples: list[Sample] = []
        for batch in in_batches(examples, size, "answering"):
            images = [open_image(example.image) for example in batch]
            inputs = detector_inputs(self.detector.processor, images, self.phrase)
            boxes = best_boxes(model, inputs, [(example.width, example.height) for example in batch])
            samples.extend(pixel_sample(example, box) for example, box in zip(batch, boxes, strict=True))
        model.train(was_training)
        return samples

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Return what writing pixels to two decimals allows."""
        return pixel_ceiling_ious(examples)

    def train(self, training: Training) -> None:
        """Train with the Hungarian matching, focal, L1 and GIoU terms of `GroundingDinoForObjectDetection`."""
        collator = ExampleCollator(self.detector.processor, self.phrase)
        train_on_boxes(DetectorTrainer, self.detector.model, collator, training, self.settings)

    def describe(self, folder: Path, record: Record) -> None:
        """Write nothing: there is no card for it yet."""

    def save(self, folder: Path) -> None:
        """Save model and processor."""
        self.detector.model.save_pretrained(folder)
        self.detector.processor.save_pretrained(folder)
