"""Checkpoints that carry the state of curriculum and reward, and finding the newest one written to the end."""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from medloc.runs.atomic import write_text
from medloc.training.callbacks.finite import DivergedError, all_finite

STATE_FILE = "curriculum.json"  # written last: a checkpoint without it was interrupted and does not count


class WholeCheckpoint:
    """Mix-in for a trainer: a file that is written last tells a whole checkpoint from an interrupted one.

    It lists the others with their sizes. Older checkpoints are deleted only when it is there, and weights that are not
    finite never become a checkpoint.
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
        """Leaves TRL's generic model card out of the checkpoints."""


class CurriculumCheckpoint(WholeCheckpoint):
    """Mix-in for the trainer: the rule's state lies in the checkpoint and is put back on every rank."""

    rule: Any

    def _own_state(self) -> dict[str, Any]:
        return dict(self.rule.state_dict())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is not None:
            self.rule.load_state_dict(json.loads((Path(checkpoint) / STATE_FILE).read_text(encoding="utf-8")))


def newest_checkpoint(folder: Path) -> Path | None:
    """Returns the checkpoint of the highest step that was written to the end and is still whole, or None."""
    found = [path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if is_whole(path)]
    return max(found, key=checkpoint_step, default=None)


def is_whole(checkpoint: Path) -> bool:
    """Tells whether every file that a checkpoint's last one lists is there with its size."""
    try:
        listed = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))["files"]
        return bool(listed) and listed.items() <= sizes(checkpoint).items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sizes(checkpoint: Path) -> dict[str, int]:
    """Returns the bytes of every file of a checkpoint but the last one."""
    files = (path for path in sorted(checkpoint.rglob("*")) if path.is_file() and path.name != STATE_FILE)
    return {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in files}


def drop_unfinished(folder: Path, steps: int) -> None:
    """Deletes the checkpoints that were interrupted or damaged, and those past the `steps` that the trace knows of."""
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if not is_whole(path) or checkpoint_step(path) > steps:
            shutil.rmtree(path, ignore_errors=True)


def checkpoint_step(folder: Path) -> int:
    """Returns the number of optimizer steps that a checkpoint folder's name says."""
    return int(folder.name.rpartition("-")[2])
