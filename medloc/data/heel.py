"""HEEL as it is downloaded: one folder a class. Its boxes are not public; the user supplies them."""

import math
from collections import Counter
from pathlib import Path

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.files import image_files
from medloc.data.images import image_size
from medloc.data.pairs import summary
from medloc.data.table import read_rows

CLASSES = ("normal", "heelspur", "sever")
ALIASES = {
    "file": ("file", "filename", "image", "image_path", "path", "name"),
    "xmin": ("xmin", "x_min", "x0", "left"),
    "ymin": ("ymin", "y_min", "y0", "top"),
    "xmax": ("xmax", "x_max", "x1", "right"),
    "ymax": ("ymax", "y_max", "y1", "bottom"),
}
"""Column -> the names under which it is accepted, the documented one first."""


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
    images = _images(root)
    if not images:
        raise FileNotFoundError(f"dataset.root={root} holds no image; unpack HEEL into it.")
    boxes, rows_without = _boxes(root, table, images)
    left_out = Counter({"images without a box": len(images) - len(boxes), "table rows without an image": rows_without})
    examples = [_example(root, path, boxes[path]) for path in images if path in boxes]
    return examples, summary("heel", left_out)


def _images(root: Path) -> list[Path]:
    images = image_files(root)
    classed = [path for path in images if _label(root, path)]
    return classed or images


def _label(root: Path, path: Path) -> str:
    folders = [part.lower() for part in path.relative_to(root).parts[:-1]]
    return next((folder for folder in reversed(folders) if folder in CLASSES), "")


def _boxes(root: Path, table: Path, images: list[Path]) -> tuple[dict[Path, tuple[Box, str]], int]:
    """Box and place in the table of every image that has one, and the number of rows that match no image."""
    rows = read_rows(table)
    columns = {column: _column(table, rows, column) for column in ALIASES}
    ends = _endings(root, images)
    boxes: dict[Path, tuple[Box, str]] = {}
    missing = 0
    for number, row in enumerate(rows, start=2):
        where = f"{table} line {number}"
        path = _match(row[columns["file"]], ends, where)
        if path is None:
            missing += 1
        elif path in boxes:
            raise ValueError(f"{where}: a second box for {row[columns['file']]}; give one per image.")
        else:
            boxes[path] = (_box([row[columns[c]] for c in ("xmin", "ymin", "xmax", "ymax")], where), where)
    return boxes, missing


def _column(table: Path, rows: list[dict[str, str]], column: str) -> str:
    present = {name.lower(): name for name in (rows[0] if rows else {})}
    for alias in ALIASES[column]:
        if alias in present:
            return present[alias]
    raise ValueError(f"{table}: no column {column}; the columns must be file,xmin,ymin,xmax,ymax.")


def _endings(root: Path, images: list[Path]) -> dict[str, list[Path]]:
    """Every end of every image's path, from the bare name to the path below `root`."""
    ends: dict[str, list[Path]] = {}
    for path in images:
        parts = path.relative_to(root).parts
        for start in range(len(parts)):
            ends.setdefault("/".join(parts[start:]), []).append(path)
    return ends


def _match(file: str, ends: dict[str, list[Path]], where: str) -> Path | None:
    found = ends.get(file.replace("\\", "/").removeprefix("./"), [])
    if len(found) > 1:
        raise ValueError(f"{where}: {file} fits {len(found)} images; write more of its path, such as normal/{file}.")
    return found[0] if found else None


def _box(values: list[str], where: str) -> Box:
    try:
        box = Box(*map(float, values))
    except ValueError:
        raise ValueError(f"{where}: {','.join(values)} are not four numbers.") from None
    if not all(map(math.isfinite, box.as_list())) or box.area <= 0:
        raise ValueError(f"{where}: {','.join(values)} is not a box; xmin < xmax and ymin < ymax must hold.")
    return box


def _example(root: Path, path: Path, located: tuple[Box, str]) -> Example:
    box, where = located
    width, height = image_size(path)
    if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
        raise ValueError(f"{where}: the box reaches beyond its image {path} of {width}x{height} px.")
    label = _label(root, path)
    name = f"{label}/{path.stem}" if label else path.relative_to(root).with_suffix("").as_posix()
    return Example(name, path, width, height, box, group=name, label=label)
