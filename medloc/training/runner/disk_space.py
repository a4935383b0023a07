"""Whether there is room for what a run will write: asked before it begins, while nothing is lost by a no."""

import os
import shutil
from pathlib import Path
from typing import Any


def require_writable(key: str, folder: Path) -> None:
    """Refuses a folder in which nothing can be made; makes nothing itself.

    Args:
        key: the setting that names the folder.
        folder: there or not.

    Raises:
        OSError: one line with the key, the folder and the reason.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists() or path.is_symlink())
    if not there.is_dir():
        raise OSError(f"{key}={folder} cannot be made: {there} is not a folder; give another.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OSError(f"{key}={folder} cannot be written: {there} is read-only; give another folder.")


def require_room(trainer: Any, folder: Path) -> None:
    """Refuses to train where the checkpoints and the trained weights will not fit.

    A checkpoint holds the weights and AdamW's two moments of every trained one; one more than are kept is there while
    the newest is being written.

    Args:
        trainer: a transformers Trainer.
        folder: where its checkpoints go; those already there count as room.

    Raises:
        OSError: one line with what is needed and what is there.
    """
    sizes = [(weight.nbytes, weight.requires_grad) for weight in trainer.model.parameters()]
    weights = sum(size for size, _ in sizes)
    checkpoint = weights + 2 * sum(size for size, trained in sizes if trained)
    kept = min(trainer.args.save_total_limit or 1, -(-trainer.args.max_steps // max(1, int(trainer.args.save_steps))))
    need = (kept + 1) * checkpoint + weights
    folder.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(folder).free + sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if room < need:
        raise OSError(
            f"results: {folder} has room for {_said(room)}, and {kept + 1} checkpoints of {_said(checkpoint)} with the "
            f"trained weights need {_said(need)}; free some, give another results=, or lower train.keep_checkpoints."
        )


def _said(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
