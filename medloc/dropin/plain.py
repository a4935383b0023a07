"""The curriculum as a plain function of an answer and the true box, for trainers that call one answer at a time.

Standard library only, but for composing the curriculum from `conf/`.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from medloc.boxes import Box
from medloc.curriculum import Curriculum, Decision
from medloc.rewards import Answer, Moment, judge, threshold
from medloc.spec.compose import compose_curriculum

ToOriginal = Callable[[Box], Box]
"""Maps a box from the answer's grid to the pixels in which the truth is given."""


class PlainReward:
    """Pays answers at the present threshold and moves it once a whole step of answers has been seen.

    Answers have to come in order: group after group, as a batch of repeated prompts lies, all in one process. Call
    `score` and not the object itself where answers must not count, in validation above all.

    Args:
        *overrides: of the groups schedule, criteria, strategy and window, as `medloc.replay` takes them.
        group_size: G, answers of one prompt.
        groups_per_step: prompts of one optimizer step.

    Raises:
        ValueError: an override is not known or breaks a rule, or a size is below 1.
    """

    def __init__(self, *overrides: str, group_size: int, groups_per_step: int):
        for name, value in (("group_size", group_size), ("groups_per_step", groups_per_step)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1.")
        self.curriculum: Curriculum = compose_curriculum(overrides)
        self.group_size, self.groups_per_step = group_size, groups_per_step
        self.decision: Decision | None = None
        self._pending: list[float] = []
        self._lock = Lock()

    @property
    def tau(self) -> float:
        """The threshold in force, in [0, 1]."""
        return self.curriculum.tau

    def __call__(self, text: str, truth: Sequence[float], to_original: ToOriginal | None = None) -> float:
        """Return 1 for an answer whose IoU reaches tau, else 0, and count it.

        Args:
            text: the answer as generated.
            truth: x0, y0, x1, y1 of the true box, half-open.
            to_original: where answers are not written in the pixels of `truth`.
        """
        with self._lock:
            answer, paid = self._paid(text, truth, to_original)
            self._pending.append(answer.iou)
            if len(self._pending) == self.group_size * self.groups_per_step:
                size = self.group_size
                groups = [self._pending[i : i + size] for i in range(0, len(self._pending), size)]
                self._pending = []
                self.decision = self.curriculum.observe(groups)
            return paid

    def score(self, text: str, truth: Sequence[float], to_original: ToOriginal | None = None) -> float:
        """Return the same, without counting it."""
        return self._paid(text, truth, to_original)[1]

    def _paid(self, text: str, truth: Sequence[float], to_original: ToOriginal | None) -> tuple[Answer, float]:
        answer = judge(text, Box(*map(float, truth)), to_original or (lambda box: box))
        return answer, threshold(answer, Moment(self.tau, 0.0))

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint has to carry, as JSON values; a step half seen is not part of it."""
        return self.curriculum.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put a state back and forget a step half seen."""
        self.curriculum.load_state_dict(state)
        self._pending = []
