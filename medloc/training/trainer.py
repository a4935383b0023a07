"""TRL's GRPOTrainer with the curriculum inside: reward at tau_k, observe the group's IoUs, perhaps tau_{k+1}.

`_calculate_rewards` is where TRL has every completion of an optimizer step, gathered and in global order, on every
rank. The rewards are computed by TRL as usual, from answers judged once; the gathered IoU column goes to the
curriculum. Equal input on every rank means equal thresholds on every rank, without a message.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from trl import GRPOTrainer

from medloc.boxes import IOU_DECIMALS, Box
from medloc.curriculum import Curriculum, Decision
from medloc.models.family import AnswerGrid
from medloc.rewards import Answer, Moment, Reward, format_reward, judge
from medloc.training.checkpoint import CurriculumCheckpoint
from medloc.training.order import EpochOrder
from medloc.training.resume import LoadsSavedLayout

PARAMETERS = ("self", "inputs", "prompts", "completions", "completion_ids_list")


@dataclass(frozen=True)
class Rule:
    """What a method pays for.

    Attributes:
        reward: the method's reward.
        curriculum: moves the threshold; None for a method without a schedule.
        tau: a fixed threshold; None if a curriculum moves it or there is none.
        format_weight: weight of the format reward beside it.
    """

    reward: Reward
    curriculum: Curriculum | None
    tau: float | None
    format_weight: float = 0.0

    @property
    def threshold(self) -> float | None:
        """The threshold in force."""
        return self.tau if self.curriculum is None else self.curriculum.tau


@dataclass(frozen=True)
class Observation:
    """What one optimizer step's completions looked like, in global order.

    Attributes:
        ious: one list of G raw IoUs per group.
        rewards: the method's rewards, in the same shape.
        parsed: share of completions with a box.
        tau_used: the threshold at which they were rewarded.
        decision: what the curriculum made of them; None for a method without one.
    """

    ious: list[list[float]]
    rewards: list[list[float]]
    parsed: float
    tau_used: float | None
    decision: Decision | None


def check_trl() -> None:
    """Refuses a TRL whose private reward hook has moved.

    Raises:
        RuntimeError: the signature of `GRPOTrainer._calculate_rewards` is not the one this file overrides.
    """
    found = tuple(inspect.signature(GRPOTrainer._calculate_rewards).parameters)
    if found != PARAMETERS:
        raise RuntimeError(
            f"trl's GRPOTrainer._calculate_rewards takes {found}, expected {PARAMETERS}; medloc supports trl 1.16.x: "
            "pip install 'trl>=1.16,<1.17'."
        )


class CurriculumGRPOTrainer(CurriculumCheckpoint, LoadsSavedLayout, EpochOrder, GRPOTrainer):
    """GRPO under a `Rule`.

    Args:
        rule: what completions earn.
        grid: maps (width, height) of an image to the grid of its answer.
        on_observation: called once per optimizer step with what the curriculum saw.
        beside: further reward functions, as TRL calls them, with their weights; the curriculum does not see them.
        **arguments: GRPOTrainer's own, without `reward_funcs`.
    """

    def __init__(
        self,
        *,
        rule: Rule,
        grid: Callable[[int, int], AnswerGrid],
        on_observation: Callable[[Observation], None],
        beside: Sequence[tuple[Callable[..., list[float]], float]] = (),
        **arguments: Any,
    ):
        check_trl()
        self.rule, self.grid, self.on_observation = rule, grid, on_observation
        more, weights = zip(*beside, strict=True) if beside else ((), ())
        super().__init__(reward_funcs=[self._reward, _iou, _parsed, _format, *more], **arguments)
        self.reward_weights = torch.tensor([1.0, 0.0, 0.0, rule.format_weight, *weights])

    def _calculate_rewards(
        self, inputs: list[dict[str, Any]], prompts: list, completions: list, completion_ids_list: list
    ) -> torch.Tensor:
        rows = [
            {**row, "answer": self._judge(row, completion)} for row, completion in zip(inputs, completions, strict=True)
        ]
        scored = super()._calculate_rewards(rows, prompts, completions, completion_ids_list)
        if self.model.training:  # evaluation passes through here too, and never observes
            self.on_observation(self._observe(scored))
        return scored

    def _judge(self, row: dict[str, Any], completion: list[dict[str, str]]) -> Answer:
        grid = self.grid(row["width"], row["height"])
        text, truth = completion[0]["content"], Box(*row["truth"])
        return judge(text, truth, lambda box: grid.to_original(box, row["width"], row["height"]))

    def _reward(self, answer: list[Answer], trainer_state: Any, **_: Any) -> list[float]:
        moment = Moment(self.rule.threshold, trainer_state.global_step / trainer_state.max_steps)
        return [self.rule.reward(one, moment) for one in answer]

    def _observe(self, scored: torch.Tensor) -> Observation:
        tau_used = self.rule.threshold
        groups = scored[:, 1].view(-1, self.num_generations).tolist()
        ious = [[round(iou, IOU_DECIMALS) for iou in group] for group in groups]  # exact again after float32
        decision = self.rule.curriculum.observe(ious) if self.rule.curriculum else None
        paid = (scored * self.reward_weights.to(scored.device)).sum(dim=1)
        rewards = paid.view(-1, self.num_generations).tolist()
        return Observation(ious, rewards, scored[:, 2].mean().item(), tau_used, decision)


def _iou(answer: list[Answer], **_: Any) -> list[float]:
    return [one.iou for one in answer]


def _parsed(answer: list[Answer], **_: Any) -> list[float]:
    return [float(bool(one.box)) for one in answer]


def _format(answer: list[Answer], **_: Any) -> list[float]:
    return [format_reward(one, Moment(None, 0.0)) for one in answer]
