"""RunSpec and hand-made data sets for the tests of the data room."""

from pathlib import Path

import numpy as np
from PIL import Image

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.load import read_part
from medloc.data.sets import SETS
from medloc.spec.dataset import DatasetSettings, PhantomSettings

DEFAULTS = {
    "ham10000": ("union", "grouped"),
    "tn3k": ("single", "official"),
    "heel": ("union", "paper"),
    "manifest": ("union", "manifest"),
}
TINY = {"train": 24, "test": 12, "calibration": 8, "seed": 7}


def dataset_settings(set_name: str, root: Path | None = None, **changes: object) -> DatasetSettings:
    boxes, split = DEFAULTS[set_name]
    values = {
        "name": set_name,
        "root": None if root is None else str(root),
        "boxes": boxes,
        "split": split,
        "split_seed": 0,
        "prompt": None,
        "sidecar": "boxes.csv",
        "evaluate_on": "test",
        "phantom": PhantomSettings(**TINY),
    }
    return DatasetSettings(**{**values, **changes})


def example(name: str, group: str = "", label: str = "", box: Box | None = None) -> Example:
    return Example(name, Path(f"{name}.jpg"), 100, 80, box or Box(10, 10, 30, 40), group or name, label)


def save_image(path: Path, size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 150, 140)).save(path)


def save_mask(path: Path, *boxes: tuple[int, int, int, int], size: tuple[int, int] = (40, 30)) -> None:
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def read_set(name: str, root: Path, part: str, rule: str):
    """Return the examples of one part of a set of images and masks, and what was left out."""
    return read_part(SETS[name], dataset_settings(name, root, boxes=rule), root, root / ".cache", part)


def read_heel(root: Path):
    return read_set("heel", root, "", "union")


def read_ham10000(root: Path, rule: str):
    return read_set("ham10000", root, "", rule)


def read_tn3k(root: Path, part: str, rule: str):
    return read_set("tn3k", root, part, rule)
