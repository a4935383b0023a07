"""Checkpoints that carry the state of curriculum and reward, and finding the newest one written to the end."""

import json
from pathlib import Path
from typing import Any

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from medloc.records.atomic import write_text

STATE_FILE = "curriculum.json"  # written last: a checkpoint without it was interrupted and does not count


class WholeCheckpoint:
    """Mix-in for a trainer: a file that is written last tells a whole checkpoint from an interrupted one."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[misc]
        self.accelerator.wait_for_everyone()  # type: ignore[attr-defined]  # each rank writes its random state
        if self.args.should_save:  # type: ignore[attr-defined]
            folder = Path(self.args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"  # type: ignore[attr-defined]
            write_text(folder / STATE_FILE, json.dumps(self._own_state()))

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
    """Returns the checkpoint of the highest step that was written to the end, or None."""
    finished = [path.parent for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{STATE_FILE}")]
    return max(finished, key=checkpoint_step, default=None)


def checkpoint_step(folder: Path) -> int:
    """Returns the number of optimizer steps that a checkpoint folder's name says."""
    return int(folder.name.rpartition("-")[2])
