"""Leave a training cleanly when asked to: finish the step, write a checkpoint, end the process."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import torch
from transformers import TrainerCallback

from medloc.training.runner.machine import Stopped


class StopAtStepEnd(TrainerCallback):
    """Around a training, SIGTERM ends it at the end of the present step, with a checkpoint; a second one at once.

    As a context manager it raises `Stopped` when the training it surrounds has ended so.
    """

    def __init__(self) -> None:
        self.asked = False
        self.before: Any = None

    def __enter__(self) -> "StopAtStepEnd":
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.before is not None:
            signal.signal(signal.SIGTERM, self.before)
        if self.asked and error is None:
            raise Stopped

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise Stopped
        self.asked = True

    def _asked_on_any_rank(self, args: Any) -> bool:
        """Return whether any rank was asked: the signal reaches them at different steps, and they leave together."""
        if args.world_size > 1:
            flag = torch.tensor(int(self.asked), device=args.device)
            torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
            self.asked = bool(flag)
        return self.asked

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._asked_on_any_rank(args):
            control.should_save = control.should_training_stop = True
