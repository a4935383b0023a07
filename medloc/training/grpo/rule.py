"""What completions earn, and how the curriculum learns of it: a reward function and a callback, as TRL documents them.

TRL calls the reward function on every rank with that rank's completions. At the end of the optimizer step the callback
gathers the answers of all ranks in global order and shows them to the curriculum. Equal input on every rank means equal
thresholds on every rank.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch
from accelerate.utils import gather_object
from transformers import TrainerCallback

from medloc.boxes import AnswerGrid, Box
from medloc.curriculum import Curriculum, Decision
from medloc.rewards import Answer, Moment, Reward, StatefulReward, format_reward, is_dead, judge

Groups = list[list[float]]
Rows = list[dict[str, Any]]
BesideReward = Callable[[list[Answer], Rows], list[float]]
"""A further reward: the answers and their rows of the data set -> one value per answer."""

T = TypeVar("T")


@dataclass(frozen=True)
class Rule:
    """What a method pays for.

    Attributes:
        reward: the method's reward.
        curriculum: moves the threshold; None for a method without a schedule.
        tau: a fixed threshold; None if a curriculum moves it or there is none.
        format_weight: weight of the format reward beside it.
        watched: what of an answer is compared with tau, and shown to the curriculum; None = its IoU.
        beside: further rewards with their weights; the curriculum does not see them.
    """

    reward: Reward
    curriculum: Curriculum | None
    tau: float | None
    format_weight: float = 0.0
    watched: Callable[[Answer], float] | None = None
    beside: tuple[tuple[BesideReward, float], ...] = ()

    @property
    def threshold(self) -> float | None:
        """The threshold in force."""
        return self.tau if self.curriculum is None else self.curriculum.tau

    def observe(self, ious: Groups, watched: Groups) -> Decision | None:
        """Show a finished step to a reward with a state and to the curriculum; return what the curriculum decided."""
        if isinstance(self.reward, StatefulReward):
            self.reward.observe(ious)
        return self.curriculum.observe(watched) if self.curriculum else None

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint has to carry, as JSON values."""
        return {
            "curriculum": self.curriculum.state_dict() if self.curriculum else None,
            "reward": self.reward.state_dict() if isinstance(self.reward, StatefulReward) else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put a checkpoint's state back."""
        if self.curriculum:
            self.curriculum.load_state_dict(state["curriculum"])
        if isinstance(self.reward, StatefulReward):
            self.reward.load_state_dict(state["reward"])


@dataclass(frozen=True)
class Observation:
    """One optimizer step's completions when first drawn: groups in global order, each of G values.

    Attributes:
        ious: raw IoUs.
        rewards: what the completions earned in all.
        boxes: whether a completion has a box.
        tau_used: the threshold at which they were rewarded.
        decision: what the curriculum made of them; None for a method without one.
        watched: what was compared with the threshold; None = the IoUs.
        redrawn: groups drawn again because their rewards were all equal.
        revived: those of them whose rewards differed in the end.
    """

    ious: Groups
    rewards: Groups
    boxes: list[list[bool]]
    tau_used: float | None
    decision: Decision | None
    watched: Groups | None = None
    redrawn: int = 0
    revived: int = 0


class Scored(NamedTuple):
    """One completion, rewarded."""

    paid: float
    iou: float
    watched: float
    box: bool


class RuleReward(TrainerCallback):
    """A `Rule` as TRL's reward function and, given to the trainer a second time, as its callback.

    Completions of an optimizer step are observed; those of an evaluation, which lies between two steps, are not.

    Args:
        rule: what completions earn.
        grid: maps (width, height) of an image to the grid of its answer.
        on_observation: called once per optimizer step with what the curriculum saw.
        group_size: G.
    """

    __name__ = "rule"

    def __init__(
        self,
        rule: Rule,
        grid: Callable[[int, int], AnswerGrid],
        on_observation: Callable[[Observation], None],
        group_size: int,
    ):
        self.rule, self.grid, self.on_observation, self.group_size = rule, grid, on_observation, group_size
        self.redraws = False
        self.first_draw: list[Scored] | None = None  # set where the completions to be rewarded are not the first
        self.last: list[Scored] = []
        self.global_step = 0
        self._step: list[tuple[list[Scored], list[Scored]]] | None = None  # first and last draw, call by call

    def __call__(self, completions: list[Any], trainer_state: Any, **columns: Any) -> list[float]:
        """Return what each of this rank's completions earns."""
        lists = {name: value for name, value in columns.items() if isinstance(value, list)}
        rows = [{name: value[i] for name, value in lists.items()} for i in range(len(completions))]
        self.last = self.score(rows, completions, trainer_state)
        if self._step is not None:
            self._step.append((self.last if self.first_draw is None else self.first_draw, self.last))
        self.first_draw = None
        return [each.paid for each in self.last]

    def score(self, rows: Rows, completions: list[Any], trainer_state: Any) -> list[Scored]:
        """Return this rank's completions with their rewards; nothing is observed.

        Rewards are summed in float32, as TRL sums its reward functions.
        """
        self.global_step = trainer_state.global_step
        moment = Moment(self.rule.threshold, trainer_state.global_step / trainer_state.max_steps)
        answers = [self.judge(row, completion) for row, completion in zip(rows, completions, strict=True)]
        columns = [
            [self.rule.reward(one, moment) for one in answers],
            [format_reward(one, moment) for one in answers],
            *(reward(answers, rows) for reward, _ in self.rule.beside),
        ]
        weights = torch.tensor([1.0, self.rule.format_weight, *(weight for _, weight in self.rule.beside)])
        paid = (torch.tensor(columns, dtype=torch.float32).T * weights).sum(dim=1).tolist()
        watched = self.rule.watched or (lambda answer: answer.iou)
        return [Scored(total, one.iou, watched(one), bool(one.box)) for total, one in zip(paid, answers, strict=True)]

    def judge(self, row: dict[str, Any], completion: list[dict[str, str]]) -> Answer:
        """Return the answer that a completion gives to its row's question."""
        grid = self.grid(row["width"], row["height"])
        text, truth = completion[0]["content"], Box(*row["truth"])
        return judge(text, truth, lambda box: grid.to_original(box, row["width"], row["height"]))

    def groups(self, values: list[T]) -> list[list[T]]:
        """Return values in global order, one list per group."""
        return [values[i : i + self.group_size] for i in range(0, len(values), self.group_size)]

    def dead_groups(self, scored: list[Scored]) -> list[bool]:
        """Return for every group of all ranks whether its rewards are all equal; `scored` are this rank's."""
        (paid,) = gather_calls([[each.paid for each in scored]])
        return [is_dead(group) for group in self.groups(paid)]

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to collect the step's completions."""
        self._step = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the step to the rule, the same on every rank."""
        calls, self._step = self._step or [], None
        first = [each for call in gather_calls([first for first, _ in calls]) for each in call]
        last = [each for call in gather_calls([last for _, last in calls]) for each in call] if self.redraws else first
        if first:
            self.on_observation(self._observe(first, last))

    def _observe(self, first: list[Scored], last: list[Scored]) -> Observation:
        """Show the first draw to the rule; `last` is what is trained on."""
        tau_used = self.rule.threshold
        ious, watched, rewards = (self.groups([each[field] for each in first]) for field in (1, 2, 0))
        before, after = (sum(map(is_dead, self.groups([each.paid for each in draw]))) for draw in (first, last))
        return Observation(
            ious=ious,
            rewards=rewards,
            boxes=self.groups([each.box for each in first]),
            tau_used=tau_used,
            decision=self.rule.observe(ious, watched),
            watched=watched if self.rule.watched else None,
            redrawn=before if self.redraws else 0,
            revived=before - after,
        )


def gather_calls(calls: list[list[T]]) -> list[list[T]]:
    """Return the lists of all ranks, call by call; within a call rank after rank, as TRL lays a batch out."""
    ranks = gather_object([calls])
    return [[each for part in parts for each in part] for parts in zip(*ranks, strict=True)]
