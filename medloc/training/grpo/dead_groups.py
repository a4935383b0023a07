"""Optional, on private methods of TRL: what to do about groups whose rewards are all equal.

The advantages of such a dead group are 0 (Eq. 1). `redraws` samples it again. `mask_dead_kl` leaves out its KL term,
which is all that it otherwise adds to Eq. 2.
"""

import math
from collections import defaultdict
from typing import Any

import torch

from medloc.training.grpo.hooks import check_layout
from medloc.training.grpo.trainer import CurriculumGRPOTrainer


class DeadGroupsGRPOTrainer(CurriculumGRPOTrainer):
    """GRPO that samples dead groups again, or leaves out their KL term.

    Dynamic sampling: DAPO (arXiv:2503.14476), section 3.2, drops dead groups and goes on to other prompts until the
    batch is full. Here the same prompt is sampled again, a bounded number of times a step, so that the order of the
    images stays that of every other run. What is dead after the last draw stays. All draws of a step are rewarded at
    the same threshold. The curriculum observes the first draw: later draws are selected for their spread, which would
    pull the window to the middle.

    KL mask: TRL has no switch for it (its issue 5588 asks for one). TRL multiplies the loss of every token by
    `tool_mask`, and leaves attention and the number of completions that the loss is divided by as they are. The logged
    KL and entropy are then those of the other groups; NaN where there is none.

    Args:
        redraws: how often at most a dead group is drawn again in one step; 0 = never.
        mask_dead_kl: whether to leave out the KL term of groups that are dead after the last draw.
        **arguments: as `CurriculumGRPOTrainer` takes them.
    """

    def __init__(self, *, redraws: int = 0, mask_dead_kl: bool = False, **arguments: Any):
        self.redraws, self.mask_dead_kl = redraws, mask_dead_kl
        super().__init__(**arguments)
        self.reward.redraws = redraws > 0
        check_layout(isinstance(self._metrics["train"], dict), "GRPOTrainer._metrics to hold a dict for each mode")

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._rows = inputs
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if self.mask_dead_kl and self.model.training:
            mask = output["completion_mask"]
            check_layout(
                mask.shape == output["completion_ids"].shape and len(mask) == len(inputs),
                "GRPOTrainer._generate_and_score_completions to return a completion_mask [rows, tokens]",
            )
            alive = ~torch.tensor(self.reward.dead_groups(self.reward.last))
            mine = self._rows_of_ranks(alive, len(inputs))[self.accelerator.process_index]
            output["tool_mask"] = mine.to(mask)[:, None].expand_as(mask)
        return output

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        if "tool_mask" in inputs and not self.accelerator.reduce(inputs["tool_mask"].sum()):
            for name in ("kl", "entropy"):
                values = self._metrics["train"][name]
                values[-1:] = [math.nan for _ in values[-1:]]  # TRL leaves NaN out of its means
        return loss

    def _generate(self, prompts: list) -> tuple:
        drawn = super()._generate(prompts)
        if not (self.redraws and self.model.training):
            return drawn
        _, ids, _, completions, logprobs, *_ = drawn
        check_layout(
            all(len(each) == len(prompts) for each in (ids, completions, prompts if logprobs is None else logprobs)),
            "GRPOTrainer._generate to return ids, completions and log-probabilities for each prompt",
        )
        scored = self.reward.first_draw = self.reward.score(self._rows, completions, self.state)
        for _ in range(self.redraws):
            dead = self.reward.dead_groups(scored)
            if not any(dead):
                break
            rows, wanted = self._to_redraw(dead, len(prompts))
            again = self._draw_again([prompts[i] for i in rows])
            for place, row in enumerate(rows[:wanted]):
                ids[row], completions[row] = again[1][place], again[3][place]
                if logprobs is not None:
                    logprobs[row] = again[4][place]
            scored = self.reward.score(self._rows, completions, self.state)
        return drawn

    def _to_redraw(self, dead: list[bool], rows: int) -> tuple[list[int], int]:
        """Return this rank's rows to draw and how many of them count: ranks draw equally many, the rest is filler."""
        every = self._rows_of_ranks(torch.tensor(dead), rows)
        mine = every[self.accelerator.process_index]
        most = int(every.sum(dim=1).max())
        return [*mine.nonzero().flatten().tolist(), *(~mine).nonzero().flatten().tolist()][:most], int(mine.sum())

    def _rows_of_ranks(self, of_groups: torch.Tensor, rows: int) -> torch.Tensor:
        """Return a flag per group [groups] as a flag per completion [ranks, rows of a rank]."""
        return of_groups.repeat_interleave(self.num_generations).view(-1, rows)

    def _draw_again(self, prompts: list) -> tuple:
        """Generate without adding to the step's logged metrics, which describe the first draw."""
        kept = self._metrics["train"]
        self._metrics["train"] = defaultdict(list)
        try:
            return super()._generate(prompts)
        finally:
            self._metrics["train"] = kept
