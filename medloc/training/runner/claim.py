"""One process a run: whoever makes it holds a lock that the operating system takes back when the process ends."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from medloc.training.distributed.ranks import first


class ClaimedError(Exception):
    """Another process makes this run at the moment."""


@contextmanager
def claim(folder: Path, wait: bool = False) -> Iterator[None]:
    """Holds the run of `folder` for as long as the block lasts.

    The lock lies beside the runs' folders, because a run can be moved aside. A process that is killed loses it.

    Args:
        folder: the run's folder, there or not.
        wait: until another process has let go of it.

    Raises:
        ClaimedError: another process holds it; one line that names it.
    """
    if not first():  # the first of several processes claims for all
        yield
        return
    path = folder.parent / ".claims" / folder.name
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=-1 if wait else 0, poll_interval=0.5)
    try:
        lock.acquire()
    except Timeout:
        raise ClaimedError(f"{folder} is being made by {_owner(path)}") from None
    try:
        path.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _owner(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")[:200] or "another process"
    except OSError:
        return "another process"
