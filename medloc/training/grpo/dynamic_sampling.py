"""Dynamic sampling: groups whose rewards are all equal are drawn again, a bounded number of times a step.

DAPO (arXiv:2503.14476), section 3.2, drops such groups and goes on to other prompts until the batch is full. Here the
same prompt is drawn again, so that the order of the images stays that of every other run; what is dead after the last
draw stays. All draws of a step are rewarded at the same moment. The curriculum observes the first draw: later ones are
picked for having spread, which would pull its window to the middle.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

from medloc.rewards import is_dead


class DynamicSampling:
    """Mix-in for a GRPOTrainer that can `score` completions and tell the `paid` rewards of its groups.

    Attributes:
        redraws: how often at most a group is drawn again in one step; 0 = never.
        first_draw: scores of the step's first draw, in global order.
    """

    redraws: int
    first_draw: torch.Tensor | None = None
    model: Any
    accelerator: Any
    num_generations: int
    score: Callable[..., torch.Tensor]
    paid: Callable[[torch.Tensor], list[list[float]]]
    _metrics: dict[str, Any]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._rows = inputs
        return super()._generate_and_score_completions(inputs)  # type: ignore[misc]

    def _generate(self, prompts: list) -> tuple:
        drawn = super()._generate(prompts)  # type: ignore[misc]
        _, ids, _, completions, logprobs, *_ = drawn
        self.first_draw = None
        if not (self.redraws and self.model.training):
            return drawn
        scored = self.first_draw = self.score(self._rows, prompts, completions, ids)
        for _ in range(self.redraws):
            dead = [is_dead(group) for group in self.paid(scored)]
            if not any(dead):
                break
            rows, wanted = self._to_redraw(dead, len(prompts))
            again = self._drawn_again([prompts[i] for i in rows])
            for place, row in enumerate(rows[:wanted]):
                ids[row], completions[row] = again[1][place], again[3][place]
                if logprobs is not None:
                    logprobs[row] = again[4][place]
            scored = self.score(self._rows, prompts, completions, ids)
        return drawn

    def _to_redraw(self, dead: list[bool], rows: int) -> tuple[list[int], int]:
        """Returns this rank's rows to draw and how many of them count: ranks draw equally many, the rest is filler."""
        size = self.num_generations
        every = torch.tensor(dead).repeat_interleave(size).view(-1, rows)  # one line per rank
        mine = every[self.accelerator.process_index]
        most = int(every.sum(dim=1).max())
        return [*mine.nonzero().flatten().tolist(), *(~mine).nonzero().flatten().tolist()][:most], int(mine.sum())

    def _drawn_again(self, prompts: list) -> tuple:
        """Generates without a trace in the step's logged metrics, which describe the first draw."""
        kept = self._metrics["train"]
        self._metrics["train"] = defaultdict(list)
        try:
            return super()._generate(prompts)  # type: ignore[misc]
        finally:
            self._metrics["train"] = kept
