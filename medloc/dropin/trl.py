"""The curriculum in a plain TRL script: one object that is both the reward function and a callback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from medloc.boxes import Box
from medloc.curriculum import Curriculum, Decision
from medloc.dropin.plain import true_box
from medloc.rewards import Moment, judge, threshold
from medloc.runs.atomic import write_json
from medloc.spec.compose import compose_curriculum

STATE_FILE = "curriculum.json"


class CurriculumReward(TrainerCallback):
    """Pays completions at the present threshold; after each optimizer step the IoUs of all ranks may raise it.

    Give it to GRPOTrainer twice: `reward_funcs=curriculum, callbacks=[curriculum]`. Evaluation is paid and never
    observed. Every checkpoint holds its state, which is read again on `resume_from_checkpoint`.

    Args:
        *overrides: of the groups schedule, criteria, strategy and window, as `medloc.replay` takes them.
        truth: the column of the true box: x0, y0, x1, y1, half-open.
        to_original: maps an answered box and its row to the pixels of the truth; None where answers are in them.

    Raises:
        ValueError: an override is not known or breaks a rule.
    """

    __name__ = "curriculum"

    def __init__(
        self, *overrides: str, truth: str = "truth", to_original: Callable[[Box, dict[str, Any]], Box] | None = None
    ):
        self.curriculum: Curriculum = compose_curriculum(overrides)
        self.truth, self.to_original = truth, to_original or (lambda box, row: box)
        self.decision: Decision | None = None
        self.group_size = 0
        self._calls: list[list[float]] | None = None  # the IoUs of this rank, call by call; None outside a step

    @property
    def tau(self) -> float:
        """The threshold in force, in [0, 1]."""
        return self.curriculum.tau

    def __call__(self, completions: list[Any], log_metric: Any = None, **columns: Any) -> list[float]:
        """Return a reward per completion, as TRL asks for it."""
        lists = {name: value for name, value in columns.items() if isinstance(value, list)}
        if self.truth not in lists:
            raise ValueError(f"the data set has no column {self.truth!r}; name the column of the true box by truth=.")
        rows = [{name: value[i] for name, value in lists.items()} for i in range(len(completions))]
        answers = [
            judge(_text(one), true_box(row[self.truth]), self._mapped(row))
            for one, row in zip(completions, rows, strict=True)
        ]
        if self._calls is not None:
            self._calls.append([answer.iou for answer in answers])
        if log_metric is not None:
            log_metric("tau", self.tau)
        return [threshold(answer, Moment(self.tau, 0.0)) for answer in answers]

    def _mapped(self, row: dict[str, Any]) -> Callable[[Box], Box]:
        return lambda box: self.to_original(box, row)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the group size, and the state of the checkpoint that training resumes from."""
        self.group_size = args.num_generations
        if state.global_step:
            path = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / STATE_FILE
            if not path.is_file():
                raise FileNotFoundError(f"{path} is not there: the checkpoint was written without this callback.")
            self.curriculum.load_state_dict(json.loads(path.read_text(encoding="utf-8")))

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to collect the step's IoUs."""
        self._calls = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the step to the curriculum, in global order, the same on every rank."""
        calls, self._calls = self._calls, None
        ranks = gather_object([calls or []])
        ious = [iou for parts in zip(*ranks, strict=True) for part in parts for iou in part]
        if ious:
            size = self.group_size
            self.decision = self.curriculum.observe([ious[i : i + size] for i in range(0, len(ious), size)])

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the state into the checkpoint."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            write_json(folder / STATE_FILE, self.curriculum.state_dict())


def _text(completion: Any) -> str:
    return completion if isinstance(completion, str) else completion[-1]["content"]
