"""Find what was downloaded: nested folders, hidden files, and no path that leaves the data folder."""

from pathlib import Path

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


def require_folder(folder: Path, what: str) -> Path:
    """Return `folder` if it is one.

    Raises:
        FileNotFoundError: saying what is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; {what} must be one.")
    return folder


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


def inside(root: Path, name: str) -> Path:
    """Return the file `name` below `root`.

    Args:
        root: The data folder, resolved.
        name: A path relative to it.

    Raises:
        ValueError: there is no such file, or the path leaves the data folder, by `..`, as an absolute path or through
            a link.
    """
    path = root / name.replace("\\", "/")
    try:
        real = path.resolve()
        if not real.is_relative_to(root):
            raise ValueError(
                f"{name} leaves the data folder {root}; copy the file into it, or name a folder around both."
            )
        if real.is_file():
            return path
    except (OSError, RuntimeError):  # a name no file can have, links in a circle
        pass
    except ValueError as error:
        raise ValueError(str(error) if "leaves" in str(error) else f"{name!r} is no path.") from None
    raise ValueError(f"{name}: no such file in {root}.")
