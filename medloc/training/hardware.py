"""What this process may use, and what it used."""

import resource
import sys

import torch


def set_threads(threads: int) -> None:
    """Gives PyTorch this many processor threads, and rounds numbers below 1e-38 to 0 from here on.

    A sharp policy's attention is full of such numbers, and an x86 processor multiplies them many times more slowly.
    Called before PyTorch starts its threads, which inherit the mode.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)


def peak_memory_mb() -> float:
    """Returns the largest resident memory of this process in 10^6 bytes (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
