"""Teaching the tiny CLIP, by its own contrastive loss, which caption goes with a crop of general shapes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from medloc.data.prompts import TARGETS
from medloc.models.tiny.clip import CAPTIONS, CropItem, draw_crop, tiny_clip_model, tiny_clip_processor
from medloc.spec.pretrain import PretrainSettings
from medloc.training.pretraining.language import ShapeDataset, begin, pretrain, to_store


class CropDataset(Dataset):
    """Item i of a fixed stream of crops: the shapes of `ShapeDataset`, from easy to hard."""

    def __init__(self, length: int, seed: int):
        self.shapes = ShapeDataset(length, seed)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: int) -> tuple[CropItem, int]:
        item, pick = self.shapes[index]
        return draw_crop(np.random.default_rng((self.shapes.seed, index, 1)), item), pick


@dataclass
class CropCollator:
    """Turns crops into CLIP's inputs; each batch holds every caption many times, under every name.

    CLIP's loss takes the other captions of the batch as negatives, equal ones among them; they can only share the
    probability of a crop, and its best solution still ranks captions by how likely each is for the crop.

    Attributes:
        processor: the tiny processor.
        targets: the names to draw from; every object goes by any of them.
    """

    processor: Any
    targets: list[str]

    def __call__(self, items: list[tuple[CropItem, int]]) -> dict[str, Any]:
        texts = [CAPTIONS[item.caption].format(target=self.targets[pick % len(self.targets)]) for item, pick in items]
        images = [item.image for item, _ in items]
        batch = self.processor(text=texts, images=images, padding=True, return_tensors="pt")
        return {**batch, "return_loss": True}


def make_clip_base(settings: PretrainSettings) -> Path:
    """Makes the tiny CLIP and saves it, with its processor, under `settings.out`."""
    begin(settings)
    targets = list(TARGETS.values())
    processor = tiny_clip_processor(targets)
    model = tiny_clip_model(processor)
    dataset = CropDataset(settings.steps * settings.batch_size, settings.seed)
    pretrain(model, dataset, CropCollator(processor, targets), settings)
    to_store(model, settings).save_pretrained(settings.out)
    processor.save_pretrained(settings.out)
    return Path(settings.out)
