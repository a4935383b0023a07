"""Files that are there whole or not at all: written under a temporary name, then renamed."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a name to write a file under, which becomes `path` only when the block ends without an error.

    Until then the old file, if any, stays as it was. The temporary file lies in the same folder, because a
    rename is atomic only within one file system; a killed process may leave it behind, under a name beginning
    with a dot (`sweep` removes it).

    Args:
        path: The file to write; its folder is made where it is missing.

    Yields:
        A name with the same ending, of no file yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file that takes its real name only when the block ends without an error.

    Args:
        path: The file to write; its folder is made where it is missing.

    Yields:
        The open file.
    """
    with atomic_path(path) as temporary, open(temporary, "x", encoding="utf-8", newline="\n") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic_writer(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all.

    Raises:
        ValueError: `value` holds NaN or an infinity, which JSON cannot say.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed writers left in `folder`; only for one who alone writes there."""
    for path in folder.glob(".*.tmp*"):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system lets a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
