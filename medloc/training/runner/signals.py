"""Being asked to end, as a cluster does before it takes a machine back: SIGTERM. Standard library only."""

import signal
import threading
from types import FrameType

EXIT_STATUS = 128 + signal.SIGTERM


class Stopped(KeyboardInterrupt):  # no Exception: nothing that goes on after a failed run goes on after this
    """The process was asked to end, and everything that can be kept is on disk."""


def end_when_asked() -> None:
    """From here on SIGTERM raises `Stopped`, wherever the process is; while training it waits for the step's end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
