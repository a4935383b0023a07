"""TN3K as it is downloaded: image and mask folders of the official split, JPEG masks, headerless labels."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from medloc.data.example import DataSet, Example
from medloc.data.files import image_files
from medloc.data.formats.masks import Mask, Pair, examples_from, summary
from medloc.data.formats.table import read_rows
from medloc.data.phantoms import ultrasound

FOLDER = re.compile(r"(trainval|test)-(image|mask)", re.IGNORECASE)
LABELS = {"0": "benign", "1": "malignant"}

PROMPT = (
    "Identify the thyroid ultrasound image and provide the bounding box for any thyroid nodule present. Ensure the "
    "bounding box accurately covers the nodule area and does not include too much unrelated tissue. Output the "
    "bounding box coordinates in the format [xmin, ymin, xmax, ymax]. Generate your thinking process on how you "
    "determined the bounding box."
)
"""The paper's question (Figures 4 and 8)."""


def read_tn3k(
    root: Path, part: str, rule: str, read_mask: Callable[[Path], Mask]
) -> tuple[list[Example], tuple[str, ...]]:
    """Return the examples of one part, sorted by number, and one line on what was left out.

    Args:
        root: A folder with `<part>-image` and `<part>-mask` at any depth.
        part: "trainval" or "test".
        rule: `dataset.boxes`; "single" gives the paper's subset (544 of 614 test images).
        read_mask: Reads one mask file.

    Raises:
        FileNotFoundError: if a folder is missing or no image has a mask.
    """
    pairs, left_out = tn3k_pairs(root, part)
    return examples_from(pairs, read_mask, rule, left_out), summary(f"tn3k {part}", left_out)


def tn3k_pairs(root: Path, part: str) -> tuple[list[Pair], Counter[str]]:
    """Return the images of one part with their masks, sorted by number, and a count of what has no partner.

    Raises:
        FileNotFoundError: if a folder is missing or no image has a mask.
    """
    images = _numbered(_folder(root, f"{part}-image"))
    masks = _numbered(_folder(root, f"{part}-mask"))
    both = sorted(images.keys() & masks.keys(), key=lambda stem: (_number(stem), stem))
    if not both:
        raise FileNotFoundError(f"dataset.root={root}: no file in {part}-image has a mask in {part}-mask.")
    left_out = Counter(
        {
            "images without a mask": len(images.keys() - masks.keys()),
            "masks without an image": len(masks.keys() - images.keys()),
        }
    )
    labels = _labels(root, part)
    pairs = [_pair(part, images[stem], masks[stem], labels) for stem in both]
    return pairs, left_out


def _folder(root: Path, name: str) -> Path:
    """The folder of that name nearest to the root; archives nest it in various ways."""
    found = [path for path in root.rglob("*") if path.is_dir() and path.name.lower() == name]
    if not found:
        raise FileNotFoundError(f"dataset.root={root} holds no folder {name}; unpack TN3K's archives into it.")
    return min(found, key=lambda path: (len(path.parts), path.as_posix()))


def _numbered(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in image_files(folder)}


def _number(stem: str) -> int:
    return int(stem) if stem.isdecimal() else -1


def _labels(root: Path, part: str) -> dict[str, str]:
    """Image stem -> class, from label4<part>.csv where there is one."""
    tables = sorted(root.rglob(f"label4{part}.csv"))
    rows = read_rows(tables[0], columns=("file", "label")) if tables else []
    return {Path(row["file"]).stem: LABELS.get(row["label"], "") for row in rows}


def _pair(part: str, image: Path, mask: Path, labels: dict[str, str]) -> Pair:
    """TN3K names no patients, so that each image is a group of its own."""
    name = f"{part}/{image.stem}"
    return Pair(name, image, mask, group=name, label=labels.get(image.stem, ""))


DATASET = DataSet(
    name="tn3k",
    title="TN3K",
    splits=("official",),
    target="thyroid nodule",
    prompt=PROMPT,
    read=lambda root, part, settings, read_mask: read_tn3k(root, part, settings.boxes, read_mask),
    parts={"train": "trainval", "test": "test"},
    pairs=tn3k_pairs,
    recognises=lambda root, files: any(FOLDER.fullmatch(p) for f in files for p in f.relative_to(root).parts[:-1]),
    phantoms=ultrasound.PHANTOMS,
    known_to_tiny=True,
)
