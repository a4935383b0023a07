"""Where the checkout lies, and what this machine offers: processor cores, and how many runs go on at once."""

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CONF = CHECKOUT / "conf"


def cores() -> int:
    """Return the number of processor cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def runs_at_once() -> int:
    """Return how many runs of a sweep share this machine: one a core; one in all where they would share a GPU.

    Two runs of one thread each end sooner than the same two, one after the other, on two threads (docs/log.md).
    """
    devices = Path("/dev")
    gpu = sys.platform == "darwin" or any(devices.glob("nvidia[0-9]*")) or (devices / "kfd").exists()
    return 1 if gpu else cores()
