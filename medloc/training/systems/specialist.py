"""A plain segmentation network, trained from scratch on the masks: an ordinary model on the same split."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_model

from medloc.data.example import Example
from medloc.data.formats.masks import target_mask
from medloc.data.images import open_image
from medloc.evaluation.samples import Sample, ceiling_ious, sample_of
from medloc.models.segmenter import component_boxes, pixels_of, side_of
from medloc.spec.run import RunSpec
from medloc.training.systems.supervised import BoxSystem

NOTHING = "nothing segmented"


class SpecialistSystem(BoxSystem):
    """Answers with the box of the largest component; learns masks by binary cross-entropy. Untrained, it is mute."""

    def __init__(self, settings: RunSpec):
        super().__init__(settings)
        self.side = side_of(settings.model)

    @property
    def untrained(self) -> dict[str, Any]:
        """The grid of its answers."""
        return {"side": self.side}

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Say where it has to learn from boxes."""
        if all(example.mask for example in examples):
            return ()
        name = self.settings.dataset.name
        return (f"{name} has boxes and no masks: the specialist is trained on the filled boxes.",)

    def samples(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer each example on the network's grid."""
        grid = self.loaded.grid(self.side, self.side)
        boxes = component_boxes(self.loaded.model, self._pixels(examples))
        texts = [grid.text(box, self.side, self.side) if box else NOTHING for box in boxes]
        return [sample_of(example, text, grid) for example, text in zip(examples, texts, strict=True)]

    def collate(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Turn examples into pixels and target masks of `side` x `side`."""
        masks = np.stack([target_mask(example, self.side) for example in examples])
        return {"pixels": self._pixels(examples), "labels": torch.from_numpy(masks).float()}

    def _pixels(self, examples: Sequence[Example]) -> torch.Tensor:
        return torch.stack([pixels_of(open_image(example.image), self.side) for example in examples])

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Return what whole cells of the network's grid allow."""
        return ceiling_ious(self.loaded.grid, examples)

    def save(self, folder: Path) -> None:
        """Save the weights; name and side of the network are in the record's config."""
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.loaded.model, str(folder / "model.safetensors"))
