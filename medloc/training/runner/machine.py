"""What a run asks of the machine: threads, kernels, disk space, and time to leave (SIGTERM). Imports no torch."""

import os
import shutil
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

EXIT_STATUS = 128 + signal.SIGTERM


class Stopped(KeyboardInterrupt):  # not an Exception, so that no handler for failed runs catches it
    """The process was asked to end, and everything that can be kept is on disk."""


def end_when_asked() -> None:
    """Make SIGTERM raise `Stopped` wherever the process is. During training it waits for the end of the step."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def set_threads(threads: int) -> None:
    """Give PyTorch this many processor threads, and flush denormal numbers (below 1e-38) to 0.

    The attention of a sharp policy is full of denormal numbers, which an x86 processor multiplies many times more
    slowly. Call this before PyTorch starts its threads, which inherit the mode.
    """
    import torch

    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)


def set_determinism(wanted: bool) -> None:
    """Choose between kernels that repeat themselves to the last bit and the fastest ones. Call before a GPU is used.

    On NVIDIA the backward pass of memory-efficient attention adds in no fixed order (docs/scale.md), on a processor
    with several threads that of `x[index]` (`index_put_` with accumulation, from 32,768 elements on). Where a model
    needs an operation that has no deterministic kernel, PyTorch raises a `RuntimeError` with its name.
    """
    import torch

    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
    torch.use_deterministic_algorithms(wanted)


def check_writable(key: str, folder: Path) -> None:
    """Refuse a folder in which nothing can be written; create nothing.

    Args:
        key: The setting that names the folder.
        folder: The folder, which need not exist.

    Raises:
        OSError: One line with the key, the folder and the reason.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists() or path.is_symlink())
    if not there.is_dir():
        raise OSError(f"{key}={folder} cannot be made: {there} is not a folder; give another.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OSError(f"{key}={folder} cannot be written: {there} is read-only; give another folder.")


def check_disk_space(trainer: Any, folder: Path) -> None:
    """Refuse to train where the checkpoints and the trained weights will not fit.

    A checkpoint holds AdamW's two moments of every trained weight, and the weights: all of them, or with adapters
    (LoRA) the trained ones only. One more than are kept exists while the newest is being written. The trained model
    is saved whole.

    Args:
        trainer: A transformers Trainer.
        folder: Where its checkpoints go; those already there count as free space.

    Raises:
        OSError: One line with what is needed and what is there.
    """
    sizes = [(weight.nbytes, weight.requires_grad) for weight in trainer.model.parameters()]
    weights = sum(size for size, _ in sizes)
    trained = sum(size for size, requires_grad in sizes if requires_grad)
    checkpoint = (trained if hasattr(trainer.model, "peft_config") else weights) + 2 * trained
    kept = min(trainer.args.save_total_limit or 1, -(-trainer.args.max_steps // max(1, int(trainer.args.save_steps))))
    need = (kept + 1) * checkpoint + weights
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free + sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if free < need:
        raise OSError(
            f"results: {folder} has room for {_gigabytes(free)}, and {kept + 1} checkpoints of "
            f"{_gigabytes(checkpoint)} with the trained weights need {_gigabytes(need)}; free some, give another "
            "results=, or lower train.keep_checkpoints."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
