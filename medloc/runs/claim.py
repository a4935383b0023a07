"""One process per run: whoever makes a run holds a lock, which the operating system releases when the process ends."""

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ClaimedError(Exception):
    """Another process is making this run."""


@contextmanager
def claim(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold the run of `folder` for as long as the block lasts.

    The lock file lies beside the runs' folders, because a run can be moved aside. A process that is killed loses it.

    Args:
        folder: The run's folder, which need not exist.
        wait: Whether to wait until another process has released it.

    Raises:
        ClaimedError: Another process holds it; one line that names the process.
    """
    path = folder.parent / ".claims" / folder.name
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ClaimedError(f"{folder} is being made by {_owner(path)}") from None
        path.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)  # closing is not enough where a forked process shares the file
        os.close(lock)


def _owner(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")[:200] or "another process"
    except OSError:
        return "another process"
