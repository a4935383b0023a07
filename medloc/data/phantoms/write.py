"""Write phantoms in the layout in which each data set is downloaded, quirks included.

Every image has a generator of its own, seeded by (seed, data set, part, number): an image does not depend on
how many others there are or in which order they are drawn.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from tqdm import tqdm

from medloc.data.phantoms import dermoscopy, ultrasound, xray
from medloc.data.phantoms.canvas import Array

T = TypeVar("T")

HAM10000, TN3K, HEEL, LESIONS, PLAN = range(5)  # streams of random numbers that never meet

LESION_SIZES = (5514, 1423, 490, 34, 5, 6)  # HAM10000: lesions with 1, 2, ... 6 images
FIRST_ID = 9_000_000  # ISIC numbers far above every real one
INVERTED_PALETTE = 0.04  # share of HAM10000's masks stored inside out
SEVERAL_NODULES = 70 / 544  # TN3K: images with 2 to 4 nodules, per image with one
NODULE_COUNTS = ((2, 3, 4), (65 / 70, 4 / 70, 1 / 70))
HEEL_CLASSES = (1842, 1316, 798)  # normal, heelspur, sever


@dataclass(frozen=True)
class Part:
    """One root to write: its number (0 main, 1 calibration), how many images, and the phantom seed."""

    number: int
    train: int
    test: int
    seed: int

    def rng(self, stream: int, index: int) -> np.random.Generator:
        """Return the generator of one image, lesion or plan."""
        return np.random.default_rng((self.seed, stream, self.number, index))


def write_ham10000(root: Path, part: Part) -> None:
    """Write train + test dermoscopy phantoms: two image folders, one mask folder, one metadata table."""
    total = part.train + part.test
    masks = _folder(root / "HAM10000_segmentations_lesion_tschandl")
    halves = [_folder(root / f"HAM10000_images_part_{half}") for half in (1, 2)]
    lesions = _lesions(part.rng(PLAN, HAM10000), total)
    rows = []
    for i in _progress(range(total), "ham10000"):
        view, name = part.rng(HAM10000, i), f"ISIC_{FIRST_ID + i}"
        phantom = dermoscopy.draw(part.rng(LESIONS, lesions[i]), view)
        phantom.image.save(halves[2 * i >= total] / f"{name}.jpg", quality=90)
        _write_png_mask(phantom.mask, masks / f"{name}_segmentation.png", view.random() < INVERTED_PALETTE)
        rows.append((f"HAM_{FIRST_ID + lesions[i]}", name, phantom.label, "phantom", "", "unknown", "unknown"))
    header = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    _write_table(root / "HAM10000_metadata.csv", [header, *rows])


def write_tn3k(root: Path, part: Part) -> None:
    """Write ultrasound phantoms: image and JPEG mask folders, labels; images with several nodules on top."""
    for number, (name, singles) in enumerate((("trainval", part.train), ("test", part.test))):
        images, masks = _folder(root / f"{name}-image"), _folder(root / f"{name}-mask")
        counts = _nodule_counts(part.rng(PLAN, 10 * TN3K + number), singles)
        rows = []
        for i in _progress(range(len(counts)), f"tn3k {name}"):
            phantom = ultrasound.draw(part.rng(TN3K, 1_000_000 * number + i), counts[i])
            phantom.image.save(images / f"{i:04d}.jpg", quality=90)
            Image.fromarray(phantom.mask.astype(np.uint8) * 255).save(masks / f"{i:04d}.jpg", quality=95)
            rows.append((f"{i:04d}.jpg", int(phantom.label == "malignant")))
        _write_table(root / f"label4{name}.csv", rows)


def write_heel(root: Path, part: Part) -> None:
    """Write train + test X-ray phantoms: doubled folder, one folder a class, a table of boxes beside them."""
    labels = _heel_labels(part.rng(PLAN, HEEL), part.train + part.test)
    folders = {label: _folder(root / "all_category" / "all_category" / label) for label in xray.CLASSES}
    rows: list[tuple[object, ...]] = [("file", "xmin", "ymin", "xmax", "ymax")]
    for i, label in enumerate(_progress(labels, "heel")):
        phantom = xray.draw(part.rng(HEEL, i), label)
        phantom.image.save(folders[label] / f"{i:04d}.jpg", quality=90)
        rows.append((f"{label}/{i:04d}.jpg", *_extent(phantom.mask)))
    _write_table(root / "boxes.csv", rows)


def _lesions(rng: np.random.Generator, images: int) -> list[int]:
    """The lesion number of every image, in mixed order, as many images a lesion as in HAM10000."""
    share = np.array(LESION_SIZES) / sum(LESION_SIZES)
    sizes = rng.choice(len(LESION_SIZES), images, p=share) + 1
    lesions = np.repeat(np.arange(images), sizes)[:images]
    return [int(lesion) for lesion in rng.permutation(lesions)]


def _nodule_counts(rng: np.random.Generator, singles: int) -> list[int]:
    several = rng.choice(NODULE_COUNTS[0], round(SEVERAL_NODULES * singles), p=NODULE_COUNTS[1])
    return [int(count) for count in rng.permutation([1] * singles + several.tolist())]


def _heel_labels(rng: np.random.Generator, images: int) -> list[str]:
    edges = np.round(np.cumsum((0, *HEEL_CLASSES)) / sum(HEEL_CLASSES) * images).astype(int)
    return [str(label) for label in rng.permutation(np.repeat(xray.CLASSES, np.diff(edges)))]


def _write_png_mask(mask: Array, path: Path, inverted_palette: bool) -> None:
    """Save a mask as 0/255 gray or, as 402 of HAM10000's are, as palette indices whose 0 is white."""
    if not inverted_palette:
        Image.fromarray(mask.astype(np.uint8) * 255).save(path)
        return
    image = Image.fromarray((~mask).astype(np.uint8)).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(path)


def _extent(mask: Array) -> tuple[int, int, int, int]:
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def _write_table(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def _progress(items: Sequence[T], what: str) -> Iterable[T]:
    """Show a bar on standard error, only where somebody can see it."""
    return tqdm(items, desc=f"drawing {what} phantoms", unit="image", disable=None, leave=False)
