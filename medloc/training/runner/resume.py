"""Training to the end from wherever an earlier process got to, and resuming for real.

`save_pretrained` writes the key layout of the published checkpoints, and transformers' `Trainer` reads it back with a
non-strict `load_state_dict`: for Qwen2.5-VL every key is missing, a warning is logged, and training goes on from the
base weights (transformers issue 43701). Reading through `from_pretrained`, strictly, is what resuming means.
"""

from pathlib import Path
from typing import Any

from transformers.trainer_callback import PrinterCallback

from medloc.models.base import load_weights
from medloc.training.callbacks.checkpoint import checkpoint_step, newest_checkpoint
from medloc.training.runner.disk_space import require_room


class LoadsSavedLayout:
    """Mix-in for a `transformers.Trainer`: checkpoints are read through `from_pretrained`, and every key must match."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        target = self.accelerator.unwrap_model(model or self.model)  # type: ignore[attr-defined]
        if hasattr(target, "peft_config") or self.is_fsdp_enabled:  # type: ignore[attr-defined]
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]  # adapters, shards
            return
        saved = load_weights(type(target), resume_from_checkpoint, "checkpoint", dtype=target.dtype)
        target.load_state_dict(saved.state_dict(), strict=True)


def finished_steps(folder: Path) -> int:
    """Returns the optimizer steps that the newest whole checkpoint under `folder` holds; 0 where there is none."""
    checkpoint = newest_checkpoint(folder)
    return checkpoint_step(checkpoint) if checkpoint else 0


def fit(trainer: Any, folder: Path) -> None:
    """Trains to `args.max_steps`, going on from the newest whole checkpoint under `folder` if there is one."""
    trainer.remove_callback(PrinterCallback)
    require_room(trainer, folder)
    checkpoint = newest_checkpoint(folder)
    if checkpoint and finished_steps(folder) >= trainer.args.max_steps:  # trained to the end, and stopped after that
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:  # checkpoints fit a model that is shared out
            trainer._prepare_for_training(trainer.args.max_steps, trainer.get_train_dataloader(), str(checkpoint))
        else:
            trainer._load_from_checkpoint(str(checkpoint))
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
