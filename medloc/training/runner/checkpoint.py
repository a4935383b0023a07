"""Checkpoints: written whole or not counted, with the curriculum's state, and the run resumed from the newest one.

`save_pretrained` writes the key layout of the published checkpoints, and transformers' `Trainer` reads it back with a
non-strict `load_state_dict`: for Qwen2.5-VL every key is missing, a warning is logged, and training goes on from the
base weights (transformers issue 43701). `LoadsSavedLayout` reads through `from_pretrained`, strictly.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from medloc.models.base import load_weights
from medloc.runs.atomic import write_text
from medloc.training.callbacks.stop import DivergedError, all_finite
from medloc.training.runner.machine import check_disk_space

STATE_FILE = "curriculum.json"  # written last: a checkpoint without it was interrupted and does not count


class WholeCheckpoint:
    """Mix-in for a trainer: a file that is written last marks a whole checkpoint.

    It lists the other files with their sizes. Older checkpoints are deleted only when it exists, and weights that are
    not finite never become a checkpoint.
    """

    accelerator: Any
    args: Any
    model: Any
    state: Any

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if not all_finite(self.model.parameters()):
            raise DivergedError(
                f"step {self.state.global_step}: a weight is not finite; the checkpoint before is kept. Lower "
                "train.learning_rate."
            )
        folder = Path(self.args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        kept, self.args.save_total_limit = self.args.save_total_limit, None  # nothing is deleted yet
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
        finally:
            self.args.save_total_limit = kept
        self.accelerator.wait_for_everyone()  # every rank leaves its random state there
        if self.args.should_save:
            (folder / TRAINING_ARGS_NAME).unlink(missing_ok=True)  # a pickle that nothing reads
            write_text(folder / STATE_FILE, json.dumps({**self._own_state(), "files": sizes(folder)}))
            rotate_checkpoints(self.args.output_dir, kept)

    def _own_state(self) -> dict[str, Any]:
        return {"curriculum": None}

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Leave TRL's generic model card out of the checkpoints."""


class CurriculumCheckpoint(WholeCheckpoint):
    """Mix-in for the GRPO trainer: the rule's state is in the checkpoint and is restored on every rank."""

    rule: Any

    def _own_state(self) -> dict[str, Any]:
        return dict(self.rule.state_dict())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is not None:
            self.rule.load_state_dict(json.loads((Path(checkpoint) / STATE_FILE).read_text(encoding="utf-8")))


class LoadsSavedLayout:
    """Mix-in for a trainer: checkpoints are read through `from_pretrained`, and every key must match."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        target = self.accelerator.unwrap_model(model or self.model)  # type: ignore[attr-defined]
        if hasattr(target, "peft_config") or self.is_fsdp_enabled:  # type: ignore[attr-defined]
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]  # adapters, shards
            return
        saved = load_weights(type(target), resume_from_checkpoint, "checkpoint", dtype=target.dtype)
        target.load_state_dict(saved.state_dict(), strict=True)


def fit(trainer: Any, folder: Path) -> None:
    """Train to `args.max_steps`, from the newest whole checkpoint under `folder` if there is one."""
    trainer.remove_callback(PrinterCallback)
    check_disk_space(trainer, folder)
    checkpoint = newest_checkpoint(folder)
    if checkpoint and finished_steps(folder) >= trainer.args.max_steps:  # trained to the end, and stopped after that
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:  # checkpoints fit a model in shards
            trainer._prepare_for_training(trainer.args.max_steps, trainer.get_train_dataloader(), str(checkpoint))
        else:
            trainer._load_from_checkpoint(str(checkpoint))
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the whole checkpoint of the highest step, or None."""
    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if is_whole(path)]
    return max(found, key=checkpoint_step, default=None)


def finished_steps(folder: Path) -> int:
    """Return the optimizer steps that the newest whole checkpoint under `folder` holds; 0 where there is none."""
    checkpoint = newest_checkpoint(folder)
    return checkpoint_step(checkpoint) if checkpoint else 0


def is_whole(checkpoint: Path) -> bool:
    """Return whether every file that a checkpoint's last one lists is there with its size."""
    try:
        listed = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))["files"]
        return bool(listed) and listed.items() <= sizes(checkpoint).items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sizes(checkpoint: Path) -> dict[str, int]:
    """Return the bytes of every file of a checkpoint but the last one."""
    files = (path for path in sorted(checkpoint.rglob("*")) if path.is_file() and path.name != STATE_FILE)
    return {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in files}


def drop_unfinished(folder: Path, steps: int) -> None:
    """Delete checkpoints that were interrupted or damaged, and those past the `steps` that the trace knows of."""
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if not is_whole(path) or checkpoint_step(path) > steps:
            shutil.rmtree(path, ignore_errors=True)


def checkpoint_step(folder: Path) -> int:
    """Return the number of optimizer steps in a checkpoint folder's name."""
    return int(folder.name.rpartition("-")[2])
