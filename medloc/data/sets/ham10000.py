"""HAM10000 as it is downloaded: two folders of images, one of masks, one table, in any nesting and case."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from medloc.data.example import DataSet, Example, Notes
from medloc.data.files import IMAGE_SUFFIXES, visible_files
from medloc.data.formats.masks import Pair
from medloc.data.formats.tables import read_rows
from medloc.data.phantoms import dermoscopy
from medloc.data.splits import Split, fold_of, fold_split, grouped_split, leak, random_split
from medloc.spec.dataset import DatasetSettings

IMAGE = re.compile(r"ISIC_\d+", re.IGNORECASE)
MASK = re.compile(r"(ISIC_\d+)_segmentation", re.IGNORECASE)
TABLES = ("ham10000_metadata", "ham10000_metadata.csv", "ham10000_metadata.tab")
DIAGNOSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")

PROMPT = (
    "Identify the image and provide the bounding box for the skin lesion area. Ensure the bounding box accurately "
    "covers the lesion area and does not include excessive healthy skin. The output should be four numbers "
    "representing the coordinates of the top-left and bottom-right corners of the lesion area, in the format "
    "[xmin, ymin, xmax, ymax]. Also, generate your thinking process on how you determined the bounding box."
)
"""The paper's question (Figures 4 and 8)."""


def ham10000_pairs(root: Path) -> tuple[list[Pair], Counter[str]]:
    """Return every image with its mask, sorted by image id, and a count of what has no partner.

    Raises:
        FileNotFoundError: if there is no metadata table, no image or no mask.
    """
    files = visible_files(root)
    images, masks = _by_id(files, IMAGE), _by_id(files, MASK)
    rows = _metadata(root, files)
    if not images or not masks:
        missing = "ISIC_*.jpg image" if not images else "ISIC_*_segmentation.png mask"
        raise FileNotFoundError(f"dataset.root={root} holds no {missing}; unpack HAM10000's images and masks into it.")
    left_out = Counter(
        {
            "metadata rows without an image": len(rows.keys() - images.keys()),
            "images without a mask": len(images.keys() - masks.keys()),
            "masks without an image": len(masks.keys() - images.keys()),
        }
    )
    pairs = []
    for name in sorted(images.keys() & masks.keys()):
        row = rows.get(name, {})
        pairs.append(Pair(name, images[name], masks[name], row.get("lesion_id") or name, row.get("dx", "")))
    return pairs, left_out


def _by_id(files: list[Path], pattern: re.Pattern[str]) -> dict[str, Path]:
    """Files by image id; of the doubled copies of one archive the first counts."""
    found: dict[str, Path] = {}
    for path in files:
        match = pattern.fullmatch(path.stem)
        if match and path.suffix.lower() in IMAGE_SUFFIXES:
            found.setdefault(match[match.lastindex or 0].upper(), path)
    return found


def _metadata(root: Path, files: list[Path]) -> dict[str, dict[str, str]]:
    """Lesion and diagnosis by image id, from the table of whichever place the set was downloaded from.

    Harvard and Kaggle have HAM10000_metadata, with or without ending; ISIC's challenge and repackagings have one
    column a diagnosis (GroundTruth.csv) and, ISIC only, a table of lesions.
    """
    for path in files:
        if path.name.lower() in TABLES:
            return {row["image_id"]: row for row in _rows(path, "image_id")}
    found: dict[str, dict[str, str]] = {}
    for path in files:
        if path.name.lower().endswith("groundtruth.csv"):
            for row in _rows(path, "image"):
                dx = next((dx for dx in DIAGNOSES if row.get(dx.upper(), "").startswith("1")), "")
                found.setdefault(row["image"], {})["dx"] = dx
        elif path.name.lower().endswith("lesiongroupings.csv"):
            for row in _rows(path, "image"):
                found.setdefault(row["image"], {})["lesion_id"] = row.get("lesion_id", "")
    if not found:
        raise FileNotFoundError(
            f"dataset.root={root} holds no HAM10000_metadata (.csv, .tab or without ending), no *GroundTruth.csv "
            "and no *LesionGroupings.csv."
        )
    return found


def _rows(path: Path, column: str) -> list[dict[str, str]]:
    rows = read_rows(path)
    if rows and column not in rows[0]:
        raise ValueError(f"{path}: no column {column}; is this HAM10000's table?")
    return rows


def _split(settings: DatasetSettings, examples: Sequence[Example], n_test: int) -> tuple[Split[Example], Notes]:
    seed = settings.split_seed
    if fold := fold_of(settings.split):
        return fold_split(examples, *fold, seed), ()
    by_image = random_split(examples, n_test, seed)
    share = f"{100 * leak(by_image):.1f} % of test images share a lesion with training"
    if settings.split == "paper":
        return by_image, (f"ham10000: dataset.split=paper leaks, {share}; dataset.split=grouped does not.",)
    grouped = grouped_split(examples, n_test, seed)
    return grouped, (f"ham10000: split by lesion; under dataset.split=paper {share}.",)


DATASET = DataSet(
    name="ham10000",
    title="HAM10000",
    splits=("grouped", "paper"),
    folds=True,
    target="skin lesion",
    prompt=PROMPT,
    split=_split,
    pairs=lambda root, _: ham10000_pairs(root),
    recognises=lambda _, files: any(MASK.fullmatch(path.stem) for path in files),
    phantoms=dermoscopy.PHANTOMS,
    known_to_tiny=True,
)
