"""What `medloc.training.runner.runner` asks of a system, whatever it is: answer, train, answer again, be saved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from transformers import TrainerCallback

from medloc.data.example import Example
from medloc.evaluation.samples import Sample
from medloc.runs.record import Record
from medloc.training.callbacks.trace import TraceWriter


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        examples: the training images with their true boxes.
        steps: optimizer steps.
        folder: where checkpoints lie; the newest whole one is gone on from.
        trace: is handed to the trainer and writes a line per step.
        callbacks: the rest of what is handed to the trainer: evaluation, progress.
    """

    examples: Sequence[Example]
    steps: int
    folder: Path
    trace: TraceWriter
    callbacks: list[TrainerCallback]


class System(Protocol):
    """One system under comparison."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits of what it starts from."""

    @property
    def starts_able(self) -> bool:
        """Whether its answers before training mean anything."""

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Returns what a reader must know about training it on these examples, one line each."""

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answers every example greedily and judges the answers, in the order given; moves no random state."""

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Returns the IoU of the best answer that it can write to each example: the ceiling of every metric."""

    def train(self, training: Training) -> None:
        """Trains to the last step, going on from the newest checkpoint."""

    def describe(self, folder: Path, record: Record) -> None:
        """Writes a card beside the saved model, if it was trained, from the finished run's record."""

    def save(self, folder: Path) -> None:
        """Saves what is needed to answer again, in the ordinary layout of its library."""
