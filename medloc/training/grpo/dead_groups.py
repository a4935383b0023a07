"""KL left out for groups whose rewards are all equal.

Their advantages are 0 (Eq. 1), so that with beta > 0 the KL term is all they contribute to Eq. 2: a pull to the
reference that no reward weighs against. TRL has no switch for it; its issue 5588 asks for one.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from medloc.rewards import is_dead


class MasksDeadGroups:
    """Mix-in for a GRPOTrainer that can tell the `paid` rewards of its groups: a dead group adds nothing to the loss.

    TRL multiplies the loss of every token by `tool_mask`, and leaves attention and the number of completions that the
    loss is divided by alone. The logged KL and entropy are then those of the other groups; null where there is none.

    Attributes:
        mask_dead_kl: whether to do so.
    """

    mask_dead_kl: bool
    last_scored: torch.Tensor
    model: Any
    accelerator: Any
    num_generations: int
    paid: Callable[[torch.Tensor], list[list[float]]]
    _metrics: dict[str, Any]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        if self.mask_dead_kl and self.model.training:
            alive = torch.tensor([not is_dead(group) for group in self.paid(self.last_scored)])
            rows, rank = len(inputs), self.accelerator.process_index
            mine = alive.repeat_interleave(self.num_generations)[rank * rows : (rank + 1) * rows]
            mask = output["completion_mask"]
            output["tool_mask"] = mine.to(mask)[:, None].expand_as(mask)
        return output

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        loss = super()._compute_loss(model, inputs)  # type: ignore[misc]
        if "tool_mask" in inputs and not self.accelerator.reduce(inputs["tool_mask"].sum()):
            for name in ("kl", "entropy"):
                values = self._metrics["train"][name]
                values[-1:] = [math.nan for _ in values[-1:]]  # TRL leaves NaN out of its means
        return loss
