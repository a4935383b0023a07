"""Greedy evaluations along the run (the paper's Figure 3); the curriculum never sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from medloc.training.callbacks.trace import keep_until
from medloc.training.distributed.ranks import first


def evaluation_steps(total: int, points: int) -> list[int]:
    """Returns `points` evenly spaced optimizer steps in (0, total], the last being `total`."""
    return sorted({max(1, round(total * i / points)) for i in range(1, points + 1)}) if points else []


def table_and_evaluation_steps(total: int, points: int, table_step: int | None) -> list[int]:
    """Returns the steps before the last after which to evaluate: `points` of the run, and the one the tables show."""
    steps = {step for step in evaluation_steps(total, points) if step != total}
    return sorted(steps | ({table_step} if table_step is not None and table_step < total else set()))


class Midway(TrainerCallback):
    """Runs `evaluate(step)` after the given steps and appends what it returns to `curve.jsonl`.

    Args:
        folder: the run's folder.
        resume_step: entries after this optimizer step are dropped: the resumed run writes them again.
        steps: optimizer steps after which to evaluate.
        evaluate: takes the step, returns the entry.
    """

    def __init__(self, folder: Path, resume_step: int, steps: list[int], evaluate: Callable[[int], Any]):
        self.path, self.steps, self.evaluate = folder / "curve.jsonl", set(steps), evaluate
        if first():
            keep_until(self.path, resume_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in self.steps:
            entry = self.evaluate(state.global_step)  # every process answers its share
            if first():
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry, allow_nan=False) + "\n")


def read_curve(folder: Path) -> list[Any]:
    """Returns the entries that `Midway` left under `folder`, none where it had no step to evaluate."""
    path = folder / "curve.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
