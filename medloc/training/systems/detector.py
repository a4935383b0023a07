"""GroundingDINO, fine-tuned on the training boxes with its own loss; "the highest-confidence predicted box" answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.task import target_of
from medloc.evaluation.pixels import nearest_pixel_ious, pixel_sample
from medloc.evaluation.progress import in_batches
from medloc.evaluation.samples import Sample
from medloc.models.grounding_dino import best_boxes, detector_inputs, detector_target, load_detector
from medloc.runs.record import Record
from medloc.spec.run import RunSpec
from medloc.training.runner.resume import LoadsSavedLayout
from medloc.training.systems.base import Training
from medloc.training.systems.supervised import BoxTrainer, train_on_boxes


class DetectorTrainer(LoadsSavedLayout, BoxTrainer):
    """Reads its checkpoints through `from_pretrained`, every key of them."""


@dataclass
class ExampleCollator:
    """Turns examples into the detector's inputs and targets.

    Attributes:
        processor: the detector's.
        phrase: what is looked for, the same in every image.
    """

    processor: Any
    phrase: str

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        inputs = detector_inputs(self.processor, [open_image(example.image) for example in examples], self.phrase)
        return {**inputs, "labels": [detector_target(each.box, each.width, each.height) for each in examples]}


class DetectorSystem:
    """Looks for the name of the data set's target."""

    starts_able = True

    def __init__(self, settings: RunSpec):
        self.settings = settings
        self.detector = load_detector(settings.model)
        self.phrase = target_of(settings.dataset)

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.detector.fingerprint

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Returns nothing: it learns from image, phrase and box alone."""
        return ()

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answers every example with the highest-scoring box."""
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
        """Returns what writing pixels to two decimals allows."""
        return nearest_pixel_ious(examples)

    def train(self, training: Training) -> None:
        """Trains with the Hungarian matching, focal, L1 and GIoU terms of `GroundingDinoForObjectDetection`."""
        collator = ExampleCollator(self.detector.processor, self.phrase)
        train_on_boxes(DetectorTrainer, self.detector.model, collator, training, self.settings)

    def describe(self, folder: Path, record: Record) -> None:
        """Writes nothing: no card is made for it yet."""

    def save(self, folder: Path) -> None:
        """Saves model and processor."""
        self.detector.model.save_pretrained(folder)
        self.detector.processor.save_pretrained(folder)
