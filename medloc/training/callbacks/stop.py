"""What ends a training before its last step: numbers that have run away, a full disk, or SIGTERM.

The rules are under `guard` in conf/. A gradient that is not finite is seen before the optimizer uses it; the step's
loss and norm are null in the trace. The KL term and dead groups are checked when the step's line is written. What
libraries raise then, or when the disk is full, becomes one line with a remedy.
"""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from transformers import TrainerCallback

from medloc.spec.train import GuardSettings
from medloc.training.runner.machine import Stopped

WARNED_AFTER = 50  # steps in a row in which no group taught anything
NO_PROBABILITIES = "probability tensor contains"  # torch.multinomial on NaN
NOT_WRITTEN = ("(os error ", "PytorchStreamWriter", "inline_container", "unexpected pos")
"""What safetensors, tokenizers and torch say when a file cannot be written."""


class DivergedError(ValueError):
    """Training has left the range from which it could recover; the last checkpoint is from before."""


def all_finite(tensors: Iterable[torch.Tensor]) -> bool:
    """Return whether the tensors' joint norm is finite."""
    return bool(torch.nn.utils.get_total_norm([tensor.detach() for tensor in tensors]).isfinite())


def taught_nothing(line: Mapping[str, Any]) -> bool:
    """Return whether all groups that a step trained on were dead: in dynamic sampling, those of the last draw."""
    return line.get("dead") == 1 and not line.get("revived")


def was_skipped(line: Mapping[str, Any]) -> bool:
    """Return whether a step was left out because its gradient was not finite."""
    return line.get("loss") is None and line.get("grad_norm") is None


class Guard(TrainerCallback):
    """Stops a training, or leaves a step out, when its numbers say so.

    Args:
        settings: The rules.
        trace: Has the step's line as `last`; its callback comes before this one.
        skipped: Steps left out in a row up to now, from an earlier attempt.
        dead: Likewise steps in which all groups were dead.
    """

    def __init__(self, settings: GuardSettings, trace: Any, skipped: int = 0, dead: int = 0):
        self.settings, self.trace = settings, trace
        self.skipped, self.dead = skipped, dead

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        if all_finite(gradients):
            self.skipped = 0
            return
        self.skipped += 1
        said = f"step {state.global_step + 1}: the gradient is not finite"
        if self.settings.non_finite == "stop":
            raise DivergedError(
                f"{said}; lower train.learning_rate, or leave such steps out with guard.non_finite=skip. The same "
                "command goes on from the last checkpoint."
            )
        if self.skipped > self.settings.most_skipped:
            raise DivergedError(f"{said}, and {self.skipped - 1} steps before it were left out for that; see guard.")
        print(f"medloc: {said}; the step is left out.", file=sys.stderr)
        model.zero_grad(set_to_none=True)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs is None or "loss" not in logs:
            return
        kl, most = self.trace.last.get("kl"), self.settings.most_kl
        if kl is not None and most is not None and kl > most:
            raise DivergedError(
                f"step {state.global_step}: kl={kl:.4g} is above guard.most_kl={most:g}; the policy has left its "
                "reference. Lower train.learning_rate, raise train.beta, or set guard.most_kl=null."
            )
        self._count_dead(state.global_step)

    def _count_dead(self, step: int) -> None:
        self.dead = self.dead + 1 if taught_nothing(self.trace.last) else 0
        said = f"step {step}: all groups were dead (equal rewards) for {self.dead} steps; nothing but KL is learnt"
        if self.settings.most_dead is not None and self.dead > self.settings.most_dead:
            raise DivergedError(f"{said}. guard.most_dead={self.settings.most_dead} ends the run; null lets it go on.")
        if self.dead == WARNED_AFTER:
            print(f"medloc: {said}.", file=sys.stderr)


def streaks(lines: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many steps in a row, up to the last line of a trace, were left out, and had dead groups only."""
    skipped = dead = 0
    for line in lines:
        skipped = skipped + 1 if was_skipped(line) else 0
        dead = dead + 1 if taught_nothing(line) else 0
    return skipped, dead


@contextmanager
def plain_failures(folder: Path) -> Iterator[None]:
    """Turn what libraries raise into one line, around everything that trains or saves weights below `folder`.

    Raises:
        OSError: Weights, tokenizer or optimizer could not be written.
        DivergedError: The policy's probabilities are not finite.
    """
    try:
        yield
    except (OSError, DivergedError):
        raise
    except Exception as error:  # tokenizers raises no other class than this
        if any(sign in str(error) for sign in NOT_WRITTEN):
            reason = str(error).splitlines()[0][:200]
            raise OSError(
                f"{folder} could not be written ({reason}); is the disk full? What was written before is kept."
            ) from error
        if NO_PROBABILITIES in str(error):
            raise DivergedError(
                "the policy's probabilities are not finite: its weights have run away; lower train.learning_rate."
            ) from error
        raise


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
