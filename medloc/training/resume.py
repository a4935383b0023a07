"""Resuming a Qwen2.5-VL run for real.

`save_pretrained` writes the key layout of the published checkpoints, and transformers' `Trainer` reads it back with a
non-strict `load_state_dict`: every key is missing, a warning is logged, and training goes on from the base weights
(transformers issue 43701). Reading through `from_pretrained`, strictly, is what resuming means.
"""

from typing import Any


class LoadsSavedLayout:
    """Mix-in for a `transformers.Trainer`: checkpoints are read through `from_pretrained`, and every key must match."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        target = self.accelerator.unwrap_model(model or self.model)  # type: ignore[attr-defined]
        saved = type(target).from_pretrained(resume_from_checkpoint, dtype=target.dtype)
        target.load_state_dict(saved.state_dict(), strict=True)
