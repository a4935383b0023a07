"""TRL's GRPOTrainer under a `Rule`, with whole checkpoints and an order of images that survives a resume."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback
from trl import GRPOConfig

from medloc.boxes import AnswerGrid
from medloc.training.grpo.hooks import check_trl
from medloc.training.grpo.packed_groups import PackedGroups
from medloc.training.grpo.rollouts import DecodesOnce
from medloc.training.grpo.rule import Observation, Rule, RuleReward
from medloc.training.runner.checkpoint import CurriculumCheckpoint, LoadsSavedLayout
from medloc.training.systems.order import EpochOrder


class CurriculumGRPOTrainer(CurriculumCheckpoint, LoadsSavedLayout, EpochOrder, DecodesOnce, PackedGroups):
    """GRPO under a `Rule`.

    The rule is TRL's reward function and a callback (`RuleReward`). The other base classes write and read checkpoints,
    draw each epoch's order, sample completions once `decodes` is true, and score groups as packed rows once `share`
    was called.

    Args:
        rule: what completions earn.
        grid: maps (width, height) of an image to the grid of its answer.
        on_observation: called once per optimizer step with what the curriculum saw.
        args: TRL's configuration.
        callbacks: further callbacks; they come after the rule's own.
        **arguments: GRPOTrainer's own, without `reward_funcs`.
    """

    def __init__(
        self,
        *,
        rule: Rule,
        grid: Callable[[int, int], AnswerGrid],
        on_observation: Callable[[Observation], None],
        args: GRPOConfig,
        callbacks: list[TrainerCallback] | None = None,
        **arguments: Any,
    ):
        check_trl()
        self.rule = rule
        self.reward = RuleReward(rule, grid, on_observation, args.num_generations)
        super().__init__(reward_funcs=self.reward, callbacks=[self.reward, *(callbacks or [])], args=args, **arguments)
