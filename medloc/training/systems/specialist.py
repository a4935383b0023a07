"""A plain segmentation network, trained from scratch on the masks: where an ordinary model stands on the same split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_model

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.target_mask import target_mask
from medloc.evaluation.judged import nearest_on, sample_of
from medloc.evaluation.progress import in_batches
from medloc.evaluation.samples import Sample
from medloc.models.segmenter import (
    component_boxes,
    grid_of,
    load_segmenter,
    pixels_of,
    segmenter_fingerprint,
    side_of,
)
from medloc.runs.record import Record
from medloc.spec.run import RunSpec
from medloc.training.systems.base import Training
from medloc.training.systems.supervised import BoxTrainer, train_on_boxes

NOTHING = "nothing segmented"


@dataclass
class MaskCollator:
    """Turns examples into pixels and target masks of `side` x `side`."""

    side: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        masks = np.stack([target_mask(example, self.side) for example in examples])
        return {"pixels": pixels(examples, self.side), "labels": torch.from_numpy(masks).float()}


class SpecialistSystem:
    """Segments, and answers with the box of the largest component; it has nothing to say before it is trained."""

    starts_able = False

    def __init__(self, settings: RunSpec):
        self.settings = settings
        self.side = side_of(settings.model)
        self.model = load_segmenter(settings.model, settings.seed)
        self.fingerprint = segmenter_fingerprint(settings.model)

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Says where it has to learn from boxes."""
        if all(example.mask for example in examples):
            return ()
        name = self.settings.dataset.name
        return (f"{name} has boxes and no masks: the specialist is trained on the filled boxes.",)

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answers every example on the network's grid."""
        was_training, size, grid = self.model.training, self.settings.evaluation.batch_size, grid_of(self.side)
        self.model.eval()
        samples: list[Sample] = []
        for batch in in_batches(examples, size, "answering"):
            for example, box in zip(batch, component_boxes(self.model, pixels(batch, self.side)), strict=True):
                text = grid.text(box, self.side, self.side) if box else NOTHING
                samples.append(sample_of(example, text, grid))
        self.model.train(was_training)
        return samples

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Returns what whole cells of the network's grid allow."""
        return nearest_on(lambda width, height: grid_of(self.side), examples)

    def train(self, training: Training) -> None:
        """Trains by binary cross-entropy."""
        train_on_boxes(BoxTrainer, self.model, MaskCollator(self.side), training, self.settings)

    def describe(self, folder: Path, record: Record) -> None:
        """Writes nothing: no card is made for it yet."""

    def save(self, folder: Path) -> None:
        """Saves the weights; name and side of the network are in the record's config."""
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / "model.safetensors"))


def pixels(examples: Sequence[Example], side: int) -> torch.Tensor:
    """Returns the examples' images as one batch."""
    return torch.stack([pixels_of(open_image(example.image), side) for example in examples])
