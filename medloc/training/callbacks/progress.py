"""A progress bar for people: step, reward, tau, share of dead groups (or the loss), remaining time.

Silent where nobody looks.
"""

from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from medloc.training.callbacks.trace import TraceWriter
from medloc.training.distributed.ranks import first


class ProgressBar(TrainerCallback):
    """Shows the last trace line beside a tqdm bar; `disable=None` keeps it off when the output is no terminal."""

    def __init__(self, trace: TraceWriter, title: str):
        self.trace, self.title = trace, title
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self.title,
            unit="step",
            disable=None if first() else True,
            smoothing=0.05,
        )

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        line = self.trace.last
        if self.bar is not None and line and line["step"] > self.bar.n:
            self.bar.set_postfix_str(_said(line), refresh=False)
            self.bar.update(line["step"] - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.bar is not None:
            self.bar.close()


def _said(line: dict[str, Any]) -> str:
    if line["reward"] is None:  # no completions: the loss is what there is
        return f"loss {line['loss']:.3f}"
    tau = "-" if line["tau"] is None else f"{line['tau']:.2f}"
    return f"reward {line['reward']:.2f} tau {tau} dead {line['dead']:.0%}"
