"""Numbers that have run away end a training before they reach a checkpoint, by the rules under `guard` in conf/.

A gradient that is not finite is seen before the optimizer uses it; its loss and norm are null in the trace. The KL
term and the share of dead groups are looked at when the step's line is written.
"""

import sys
from typing import Any

from transformers import TrainerCallback

from medloc.spec.train import GuardSettings
from medloc.training.callbacks.finite import DivergedError, all_finite
from medloc.training.callbacks.trace import TraceWriter

WARNED_AFTER = 50  # steps in a row in which no group taught anything


class Guard(TrainerCallback):
    """Stops a training, or leaves a step out, when its numbers say so.

    Args:
        settings: the rules.
        trace: knows the step's KL and dead groups; its callback comes before this one.
    """

    def __init__(self, settings: GuardSettings, trace: TraceWriter):
        self.settings, self.trace = settings, trace
        self.skipped = 0
        self.dead = 0

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
        self.dead = self.dead + 1 if self.trace.last.get("dead") == 1 else 0
        said = f"step {step}: all groups were dead (equal rewards) for {self.dead} steps; nothing but KL is learnt"
        if self.settings.most_dead is not None and self.dead > self.settings.most_dead:
            raise DivergedError(f"{said}. guard.most_dead={self.settings.most_dead} ends the run; null lets it go on.")
        if self.dead == WARNED_AFTER:
            print(f"medloc: {said}.", file=sys.stderr)
