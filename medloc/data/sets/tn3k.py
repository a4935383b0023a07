"""TN3K as it is downloaded: image and mask folders of the official split, JPEG masks, headerless labels."""

import re
from collections import Counter
from pathlib import Path

from medloc.data.example import DataSet
from medloc.data.files import IMAGE_SUFFIXES, visible_files
from medloc.data.formats.masks import Pair
from medloc.data.formats.tables import read_rows
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


def tn3k_pairs(root: Path, part: str) -> tuple[list[Pair], Counter[str]]:
    """Return the images of one part with their masks, sorted by number, and count what has no partner.

    Args:
        root: A folder with `<part>-image` and `<part>-mask` at any depth.
        part: "trainval" or "test".

    Raises:
        FileNotFoundError: if a folder is missing or no image has a mask.
    """
    images, masks = (
        {path.stem: path for path in visible_files(_folder(root, f"{part}-{what}"), IMAGE_SUFFIXES)}
        for what in ("image", "mask")
    )
    both = sorted(images.keys() & masks.keys(), key=lambda stem: (int(stem) if stem.isdecimal() else -1, stem))
    if not both:
        raise FileNotFoundError(f"dataset.root={root}: no file in {part}-image has a mask in {part}-mask.")
    left_out = Counter(
        {
            "images without a mask": len(images.keys() - masks.keys()),
            "masks without an image": len(masks.keys() - images.keys()),
        }
    )
    labels = _labels(root, part)
    names = {stem: f"{part}/{stem}" for stem in both}  # also the group: TN3K names no patients
    return [Pair(names[s], images[s], masks[s], names[s], labels.get(s, "")) for s in both], left_out


def _folder(root: Path, name: str) -> Path:
    """The folder of that name nearest to the root; archives nest it in various ways."""
    found = [path for path in root.rglob("*") if path.is_dir() and path.name.lower() == name]
    if not found:
        raise FileNotFoundError(f"dataset.root={root} holds no folder {name}; unpack TN3K's archives into it.")
    return min(found, key=lambda path: (len(path.parts), path.as_posix()))


def _labels(root: Path, part: str) -> dict[str, str]:
    """Image stem -> class, from label4<part>.csv where there is one."""
    tables = sorted(root.rglob(f"label4{part}.csv"))
    rows = read_rows(tables[0], columns=("file", "label")) if tables else []
    return {Path(row["file"]).stem: LABELS.get(row["label"], "") for row in rows}


DATASET = DataSet(
    name="tn3k",
    title="TN3K",
    splits=("official",),
    target="thyroid nodule",
    prompt=PROMPT,
    parts={"train": "trainval", "test": "test"},
    pairs=tn3k_pairs,
    recognises=lambda root, files: any(FOLDER.fullmatch(p) for f in files for p in f.relative_to(root).parts[:-1]),
    phantoms=ultrasound.PHANTOMS,
    known_to_tiny=True,
)
