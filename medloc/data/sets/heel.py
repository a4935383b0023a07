"""HEEL as it is downloaded: one folder a class. Its boxes are not public; the user supplies them."""

from collections.abc import Sequence
from pathlib import Path

from medloc.boxes import Box
from medloc.data.example import DataSet, Example, Notes
from medloc.data.files import IMAGE_SUFFIXES, ImageIndex, Problems, visible_files
from medloc.data.formats import checked_box
from medloc.data.formats.tables import read_box_table
from medloc.data.images import image_size
from medloc.data.manifest import ManifestRow
from medloc.data.phantoms import xray
from medloc.data.splits import Split, stratified_split
from medloc.spec.dataset import DatasetSettings

CLASSES = ("normal", "heelspur", "sever")

PROMPT = (
    "Identify the X-ray image and provide the bounding box for the calcaneus region. Ensure the bounding box "
    "accurately covers the calcaneus area and does not include too much unrelated areas. Output the bounding box "
    "coordinate in the format [xmin, ymin, xmax, ymax]. Also generate your thinking process on how you determined "
    "the bounding box."
)
"""The paper's question (Figures 4 and 8)."""


def read_heel(root: Path, sidecar: str, problems: Problems) -> list[ManifestRow]:
    """Return the images with a box below `root`, sorted by path.

    Args:
        root: The unpacked data set, with folders normal, heelspur and sever at any depth; where there is none
            of them, every image below `root` counts, without a class.
        sidecar: A csv with columns file, xmin, ymin, xmax, ymax (half-open, px), relative to `root` or
            absolute. `file` is as much of the end of an image's path as makes it unique: `normal/12.jpg`.
        problems: Takes the rows that do not hold a box inside their image, and counts what is left out.

    Raises:
        FileNotFoundError: if there is no table or no image.
    """
    table = root / sidecar
    if not table.is_file():
        raise FileNotFoundError(
            f"dataset.sidecar={sidecar}: no such table in {root}. HEEL's boxes are not public; supply your "
            "own as a csv with the columns file,xmin,ymin,xmax,ymax."
        )
    found = visible_files(root, IMAGE_SUFFIXES)
    images = [path for path in found if class_of(root, path)] or found
    if not images:
        raise FileNotFoundError(f"dataset.root={root} holds no image; unpack HEEL into it.")
    index, rows = ImageIndex(root, images), dict[Path, ManifestRow]()
    for annotation in read_box_table(table, problems):
        with problems.collected(annotation.where):
            path = index.named(annotation.file)
            if path is None:
                problems.quirks["table rows without an image"] += 1
            elif path in rows:
                raise ValueError(f"a second box for {annotation.file}; give one per image.")
            elif annotation.boxes:
                rows[path] = _row(root, path, annotation.boxes[0][1])
    problems.quirks["images without a box"] = len(images) - len(rows)
    return [rows[path] for path in images if path in rows]


def class_of(root: Path, path: Path) -> str:
    """Return the class of an image: the name of the innermost of HEEL's folders that it lies in, "" for none."""
    folders = [part.lower() for part in path.relative_to(root).parts[:-1]]
    return next((folder for folder in reversed(folders) if folder in CLASSES), "")


def _row(root: Path, path: Path, box: Box) -> ManifestRow:
    size, label = image_size(path), class_of(root, path)
    image = path.relative_to(root)
    name = f"{label}/{path.stem}" if label else image.with_suffix("").as_posix()
    return ManifestRow(name, image.as_posix(), *size, (checked_box(box, *size),), None, label, name)


def _split(settings: DatasetSettings, examples: Sequence[Example], n_test: int) -> tuple[Split[Example], Notes]:
    return stratified_split(examples, n_test, settings.split_seed), ()


DATASET = DataSet(
    name="heel",
    title="HEEL",
    splits=("paper",),
    target="calcaneus region",
    prompt=PROMPT,
    read=lambda root, settings, problems: read_heel(root, settings.sidecar, problems),
    split=_split,
    recognises=lambda root, files: any(class_of(root, path) in ("heelspur", "sever") for path in files),
    class_of=class_of,
    phantoms=xray.PHANTOMS,
    known_to_tiny=True,
)
