"""HEEL as it is downloaded: one folder a class. Its boxes are not public; the user supplies them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from medloc.boxes import Box
from medloc.data.example import DataSet, Example, Notes
from medloc.data.files import ImageIndex, image_files
from medloc.data.formats import checked_box
from medloc.data.formats.masks import summary
from medloc.data.formats.table import read_box_table
from medloc.data.images import image_size
from medloc.data.phantoms import xray
from medloc.data.splits import Split, stratified_split
from medloc.data.untrusted import Problems
from medloc.spec.dataset import DatasetSettings

CLASSES = ("normal", "heelspur", "sever")

PROMPT = (
    "Identify the X-ray image and provide the bounding box for the calcaneus region. Ensure the bounding box "
    "accurately covers the calcaneus area and does not include too much unrelated areas. Output the bounding box "
    "coordinate in the format [xmin, ymin, xmax, ymax]. Also generate your thinking process on how you determined "
    "the bounding box."
)
"""The paper's question (Figures 4 and 8)."""


def read_heel(root: Path, sidecar: str) -> tuple[list[Example], tuple[str, ...]]:
    """Return the examples below `root`, sorted by path, and one line on what was left out.

    Args:
        root: The unpacked data set, with folders normal, heelspur and sever at any depth; where there is none
            of them, every image below `root` counts, without a class.
        sidecar: A csv with columns file, xmin, ymin, xmax, ymax (half-open, px), relative to `root` or
            absolute. `file` is as much of the end of an image's path as makes it unique: `normal/12.jpg`.

    Raises:
        FileNotFoundError: if there is no table or no image.
        ValueError: naming the row that does not hold a box inside its image.
    """
    table = root / sidecar
    if not table.is_file():
        raise FileNotFoundError(
            f"dataset.sidecar={sidecar}: no such table in {root}. HEEL's boxes are not public; supply your "
            "own as a csv with the columns file,xmin,ymin,xmax,ymax."
        )
    found = image_files(root)
    images = [path for path in found if class_of(root, path)] or found
    if not images:
        raise FileNotFoundError(f"dataset.root={root} holds no image; unpack HEEL into it.")
    boxes, rows_without = _boxes(root, table, images)
    left_out = Counter({"images without a box": len(images) - len(boxes), "table rows without an image": rows_without})
    examples = [_example(root, path, boxes[path]) for path in images if path in boxes]
    return examples, summary("heel", left_out)


def class_of(root: Path, path: Path) -> str:
    """Return the class of an image: the name of the innermost of HEEL's folders that it lies in, "" for none."""
    folders = [part.lower() for part in path.relative_to(root).parts[:-1]]
    return next((folder for folder in reversed(folders) if folder in CLASSES), "")


def _boxes(root: Path, table: Path, images: list[Path]) -> tuple[dict[Path, tuple[Box, str]], int]:
    """Box and place in the table of every image that has one, and the number of rows that match no image."""
    index, problems = ImageIndex(root, images), Problems()
    boxes: dict[Path, tuple[Box, str]] = {}
    missing = 0
    for row in read_box_table(table, problems):
        path = None
        with problems.collected(row.where):
            path = index.named(row.file)
        problems.raise_first()
        if path is None:
            missing += 1
        elif path in boxes:
            raise ValueError(f"{row.where}: a second box for {row.file}; give one per image.")
        elif row.boxes:
            boxes[path] = (row.boxes[0][1], row.where)
    problems.raise_first()
    return boxes, missing


def _example(root: Path, path: Path, located_box: tuple[Box, str]) -> Example:
    box, where = located_box
    width, height = image_size(path)
    try:
        box = checked_box(box, width, height)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    label = class_of(root, path)
    name = f"{label}/{path.stem}" if label else path.relative_to(root).with_suffix("").as_posix()
    return Example(name, path, width, height, box, group=name, label=label)


def _split(settings: DatasetSettings, examples: Sequence[Example], n_test: int) -> tuple[Split[Example], Notes]:
    return stratified_split(examples, n_test, settings.split_seed), ()


DATASET = DataSet(
    name="heel",
    title="HEEL",
    splits=("paper",),
    target="calcaneus region",
    prompt=PROMPT,
    read=lambda root, settings: read_heel(root, settings.sidecar),
    split=_split,
    recognises=lambda root, files: any(class_of(root, path) in ("heelspur", "sever") for path in files),
    class_of=class_of,
    phantoms=xray.PHANTOMS,
    known_to_tiny=True,
)
