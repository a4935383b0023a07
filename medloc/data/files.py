"""Find and open what was downloaded: nested folders, hidden files, tables with commas or tabs."""

import csv
from pathlib import Path

from PIL import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def require_root(root: Path) -> Path:
    """Return `root` if it is a folder.

    Raises:
        FileNotFoundError: naming the key and the folder.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"dataset.root={root} is not a folder; point it at the unpacked data set, or use "
            "dataset.root=null for phantoms."
        )
    return root


def visible_files(root: Path) -> list[Path]:
    """Return all files below `root`, sorted by path, without hidden ones and `__MACOSX`."""
    found = []
    for path in root.rglob("*"):
        inside = path.relative_to(root).parts
        if not any(part.startswith(".") or part == "__MACOSX" for part in inside) and path.is_file():
            found.append(path)
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def image_files(root: Path) -> list[Path]:
    """Return the JPEG and PNG files below `root`."""
    return [path for path in visible_files(root) if path.suffix.lower() in IMAGE_SUFFIXES]


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height in px from the header, as stored: no EXIF rotation, no decoding.

    Raises:
        ValueError: if the file does not open as an image; the message names it.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: this image does not open ({error}); replace or remove it.") from error


def read_rows(path: Path, columns: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Read a table whose delimiter is a comma or a tab, with or without a byte-order mark.

    Args:
        path: The table.
        columns: Its column names if it has no header line.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        delimiter = "\t" if "\t" in file.readline() else ","
        file.seek(0)
        rows = csv.DictReader(file, fieldnames=columns or None, delimiter=delimiter)
        return [{(key or "").strip(): (value or "").strip() for key, value in row.items() if key} for row in rows]
