"""What this process may use, and what it used."""

import os
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


def set_determinism(wanted: bool) -> None:
    """Keeps PyTorch to kernels that repeat themselves to the last bit, or lets it choose; called before a GPU is used.

    On NVIDIA the backward pass of memory-efficient attention adds in an order of its own (docs/scale.md). Where a model
    needs an operation that has no repeating kernel, PyTorch raises a `RuntimeError` with its name.
    """
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # PyTorch asks for it; read when cuBLAS starts
    torch.use_deterministic_algorithms(wanted)


def peak_memory_mb() -> float:
    """Returns the largest resident memory of this process in 10^6 bytes (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
