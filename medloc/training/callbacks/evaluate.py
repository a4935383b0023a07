"""What a training shows on the way: greedy evaluations (Figure 3), which the curriculum never sees, and a bar."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from medloc.training.callbacks.trace import TraceWriter, keep_until
from medloc.training.distributed.ranks import is_main_process


def evaluation_steps(total: int, points: int) -> list[int]:
    """Return `points` evenly spaced optimizer steps in (0, total], the last being `total`."""
    return sorted({max(1, round(total * i / points)) for i in range(1, points + 1)}) if points else []


def table_and_evaluation_steps(total: int, points: int, table_step: int | None) -> list[int]:
    """Return the steps before the last after which to evaluate: `points` of the run, and the one the tables show."""
    steps = {step for step in evaluation_steps(total, points) if step != total}
    return sorted(steps | ({table_step} if table_step is not None and table_step < total else set()))


class EvaluateMidway(TrainerCallback):
    """Runs `evaluate(step)` after the given steps and appends what it returns to `curve.jsonl`.

    Args:
        folder: The run's folder.
        resume_step: Entries after this optimizer step are dropped: the resumed run writes them again.
        steps: Optimizer steps after which to evaluate.
        evaluate: Takes the step, returns the entry.
    """

    def __init__(self, folder: Path, resume_step: int, steps: list[int], evaluate: Callable[[int], Any]):
        self.path, self.steps, self.evaluate = folder / "curve.jsonl", set(steps), evaluate
        if is_main_process():
            keep_until(self.path, resume_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in self.steps:
            entry = self.evaluate(state.global_step)  # every process answers its share
            if is_main_process():
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry, allow_nan=False) + "\n")


def read_lines(path: Path) -> list[Any]:
    """Return the entries of a JSON-lines file that this run wrote, none where it does not exist."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


class ProgressBar(TrainerCallback):
    """Shows step, reward, tau and share of dead groups (or the loss) and the remaining time, on a terminal only."""

    def __init__(self, trace: TraceWriter, title: str):
        self.trace, self.title = trace, title
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self.title,
            unit="step",
            disable=None if is_main_process() else True,  # None: off where the output is no terminal
            smoothing=0.05,
        )

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        line = self.trace.last
        if self.bar is not None and line and line["step"] > self.bar.n:
            self.bar.set_postfix_str(_postfix(line), refresh=False)
            self.bar.update(line["step"] - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.bar is not None:
            self.bar.close()


def _postfix(line: dict[str, Any]) -> str:
    if line["reward"] is None:  # a system without completions has its loss
        return f"loss {line['loss']:.3f}"
    tau = "-" if line["tau"] is None else f"{line['tau']:.2f}"
    return f"reward {line['reward']:.2f} tau {tau} dead {line['dead']:.0%}"
