"""TRL's GRPOTrainer with the curriculum inside: reward at tau_k, observe the group's IoUs, perhaps tau_{k+1}.

`_calculate_rewards` is where TRL has every completion of an optimizer step, gathered and in global order, on every
rank. The rewards are computed by TRL as usual, from answers judged once; the gathered IoU column goes to the
curriculum, and to a reward that remembers. Equal input on every rank means equal states on every rank, without a
message.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from trl import GRPOTrainer

from medloc.boxes import IOU_DECIMALS, AnswerGrid, Box
from medloc.curriculum import Curriculum, Decision
from medloc.rewards import Answer, Moment, Reward, StatefulReward, format_reward, is_dead, judge
from medloc.training.grpo.dead_groups import MasksDeadGroups
from medloc.training.grpo.dynamic_sampling import DynamicSampling
from medloc.training.runner.checkpoint import CurriculumCheckpoint, LoadsSavedLayout
from medloc.training.systems.order import EpochOrder

HOOKS = {
    "_calculate_rewards": ("self", "inputs", "prompts", "completions", "completion_ids_list"),
    "_generate": ("self", "prompts"),
    "_generate_and_score_completions": ("self", "inputs"),
    "_compute_loss": ("self", "model", "inputs"),
}
"""Private methods of TRL that this room overrides, and their parameters."""


@dataclass(frozen=True)
class Rule:
    """What a method pays for.

    Attributes:
        reward: the method's reward.
        curriculum: moves the threshold; None for a method without a schedule.
        tau: a fixed threshold; None if a curriculum moves it or there is none.
        format_weight: weight of the format reward beside it.
        watched: what the curriculum is shown of an answer; None = its IoU.
    """

    reward: Reward
    curriculum: Curriculum | None
    tau: float | None
    format_weight: float = 0.0
    watched: Reward | None = None

    @property
    def threshold(self) -> float | None:
        """The threshold in force."""
        return self.tau if self.curriculum is None else self.curriculum.tau

    def observe(self, ious: list[list[float]], watched: list[list[float]]) -> Decision | None:
        """Shows a finished step to whatever goes by it; returns what the curriculum decided."""
        if isinstance(self.reward, StatefulReward):
            self.reward.observe(ious)
        return self.curriculum.observe(watched) if self.curriculum else None

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint has to carry, as JSON values."""
        return {
            "curriculum": self.curriculum.state_dict() if self.curriculum else None,
            "reward": self.reward.state_dict() if isinstance(self.reward, StatefulReward) else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Puts a checkpoint's state back."""
        if self.curriculum:
            self.curriculum.load_state_dict(state["curriculum"])
        if isinstance(self.reward, StatefulReward):
            self.reward.load_state_dict(state["reward"])


@dataclass(frozen=True)
class Observation:
    """What one optimizer step's completions looked like when first drawn, in global order.

    Attributes:
        ious: one list of G raw IoUs per group.
        rewards: the method's rewards, in the same shape.
        parsed: share of completions with a box.
        tau_used: the threshold at which they were rewarded.
        decision: what the curriculum made of them; None for a method without one.
        redrawn: groups drawn again because their rewards were all equal.
        revived: those of them whose rewards differed in the end.
    """

    ious: list[list[float]]
    rewards: list[list[float]]
    parsed: float
    tau_used: float | None
    decision: Decision | None
    redrawn: int = 0
    revived: int = 0


def check_trl() -> None:
    """Refuses a TRL whose private hooks have moved.

    Raises:
        RuntimeError: the signature of one of `HOOKS` is not the one overridden here.
    """
    for name, expected in HOOKS.items():
        found = tuple(inspect.signature(getattr(GRPOTrainer, name, lambda: None)).parameters)
        if found != expected:
            raise RuntimeError(
                f"trl's GRPOTrainer.{name} takes {found}, expected {expected}; medloc supports trl 1.16.x: "
                "pip install 'trl>=1.16,<1.17'."
            )


class CurriculumGRPOTrainer(
    CurriculumCheckpoint, MasksDeadGroups, DynamicSampling, LoadsSavedLayout, EpochOrder, GRPOTrainer
):
    """GRPO under a `Rule`.

    Args:
        rule: what completions earn.
        grid: maps (width, height) of an image to the grid of its answer.
        on_observation: called once per optimizer step with what the curriculum saw.
        beside: further reward functions, as TRL calls them, with their weights; the curriculum does not see them.
        redraws: how often at most a group without spread is drawn again in one step.
        mask_dead_kl: leaves the KL term out for groups that have no spread in the end.
        **arguments: GRPOTrainer's own, without `reward_funcs`.
    """

    def __init__(
        self,
        *,
        rule: Rule,
        grid: Callable[[int, int], AnswerGrid],
        on_observation: Callable[[Observation], None],
        beside: Sequence[tuple[Callable[..., list[float]], float]] = (),
        redraws: int = 0,
        mask_dead_kl: bool = False,
        **arguments: Any,
    ):
        check_trl()
        self.rule, self.grid, self.on_observation = rule, grid, on_observation
        self.redraws, self.mask_dead_kl = redraws, mask_dead_kl
        more, weights = zip(*beside, strict=True) if beside else ((), ())
        seen = [self._watched] if rule.watched else []
        super().__init__(reward_funcs=[self._reward, _iou, _parsed, _format, *more, *seen], **arguments)
        self.reward_weights = torch.tensor([1.0, 0.0, 0.0, rule.format_weight, *weights, *(0.0 for _ in seen)])

    def _calculate_rewards(
        self, inputs: list[dict[str, Any]], prompts: list, completions: list, completion_ids_list: list
    ) -> torch.Tensor:
        scored = self.last_scored = self.score(inputs, prompts, completions, completion_ids_list)
        if self.model.training:  # evaluation passes through here too, and never observes
            self.on_observation(self._observe(scored if self.first_draw is None else self.first_draw, scored))
        return scored

    def score(
        self, inputs: list[dict[str, Any]], prompts: list, completions: list, completion_ids_list: list
    ) -> torch.Tensor:
        """Returns every reward function's value of every rank's completions; nothing is observed."""
        rows = [
            {**row, "answer": self._judge(row, completion)} for row, completion in zip(inputs, completions, strict=True)
        ]
        return super()._calculate_rewards(rows, prompts, completions, completion_ids_list)

    def paid(self, scored: torch.Tensor) -> list[list[float]]:
        """Returns what completions earn in all, one list per group."""
        weighted = (scored * self.reward_weights.to(scored.device)).sum(dim=1)
        return weighted.view(-1, self.num_generations).tolist()

    def _judge(self, row: dict[str, Any], completion: list[dict[str, str]]) -> Answer:
        grid = self.grid(row["width"], row["height"])
        text, truth = completion[0]["content"], Box(*row["truth"])
        return judge(text, truth, lambda box: grid.to_original(box, row["width"], row["height"]))

    def _reward(self, answer: list[Answer], trainer_state: Any, **_: Any) -> list[float]:
        moment = self._moment(trainer_state)
        return [self.rule.reward(one, moment) for one in answer]

    def _watched(self, answer: list[Answer], trainer_state: Any, **_: Any) -> list[float]:
        assert self.rule.watched is not None
        moment = self._moment(trainer_state)
        return [self.rule.watched(one, moment) for one in answer]

    def _moment(self, trainer_state: Any) -> Moment:
        return Moment(self.rule.threshold, trainer_state.global_step / trainer_state.max_steps)

    def _observe(self, first: torch.Tensor, last: torch.Tensor) -> Observation:
        """Shows the first draw to the rule; `last` is what is trained on."""
        tau_used = self.rule.threshold
        ious = self._column(first, 1)
        rewards = self.paid(first)
        before, after = (sum(map(is_dead, paid)) for paid in (rewards, self.paid(last)))
        return Observation(
            ious=ious,
            rewards=rewards,
            parsed=first[:, 2].mean().item(),
            tau_used=tau_used,
            decision=self.rule.observe(ious, self._column(first, -1) if self.rule.watched else ious),
            redrawn=before if self.redraws else 0,
            revived=before - after,
        )

    def _column(self, scored: torch.Tensor, index: int) -> list[list[float]]:
        """Returns one function's values, one list per group, exact again after float32."""
        groups = scored[:, index].view(-1, self.num_generations).tolist()
        return [[round(value, IOU_DECIMALS) for value in group] for group in groups]


def _iou(answer: list[Answer], **_: Any) -> list[float]:
    return [one.iou for one in answer]


def _parsed(answer: list[Answer], **_: Any) -> list[float]:
    return [float(bool(one.box)) for one in answer]


def _format(answer: list[Answer], **_: Any) -> list[float]:
    return [format_reward(one, Moment(None, 0.0)) for one in answer]
