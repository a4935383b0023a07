"""The systems that a run can train, behind one interface. `SYSTEMS` is their registry.

A new system is one more file here and one more line in the registry.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from medloc.data.example import Example
from medloc.evaluation.samples import Sample
from medloc.models.families import FAMILIES, families_for
from medloc.runs.record import Record
from medloc.spec.run import RunSpec

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from medloc.training.callbacks.trace import TraceWriter


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        examples: The training images with their true boxes.
        steps: Optimizer steps.
        folder: Where checkpoints lie; training resumes from the newest whole one.
        trace: Writes a line per step; goes to the trainer before the callbacks.
        callbacks: The other callbacks of the trainer: evaluation, progress.
    """

    examples: Sequence[Example]
    steps: int
    folder: Path
    trace: "TraceWriter"
    callbacks: "list[TrainerCallback]"


class System(Protocol):
    """One system under comparison, as `medloc.training.runner` uses it."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the weights it starts from."""

    @property
    def untrained(self) -> dict[str, Any]:
        """What its answers before training depend on beside the images, as JSON values."""

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Return what a reader must know about training it on these examples, one line each."""
        return ()

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer every example greedily and judge the answers, in the order given; the random state does not move."""

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Return the IoU of the best answer that it can write to each example: the ceiling of every metric."""

    def train(self, training: Training) -> None:
        """Train to the last step, from the newest checkpoint."""

    def save(self, folder: Path) -> None:
        """Save the present weights in the ordinary layout of its library; training can go on afterwards."""

    def describe(self, folder: Path, record: Record) -> None:
        """Write a card beside the saved model, if it has one, from the finished run's record."""


SYSTEMS = {
    "grpo": "grpo:GrpoSystem",
    "sft": "sft:SftSystem",
    "grounding_dino": "detector:DetectorSystem",
    "specialist": "specialist:SpecialistSystem",
}
"""method.trainer -> module and class of its system, imported when needed. `medloc.models.families` says which families
of models each can train."""


def load_system(settings: RunSpec) -> System:
    """Load the model of a run, ready to answer and to be trained.

    Raises:
        ValueError: The method cannot train this family of models, or needs an answer that it cannot give.
        FileNotFoundError: The weights are not there.
    """
    check_family(settings)
    trainer = settings.method.trainer or FAMILIES[settings.model.family].trainers[0]  # any of them answers untrained
    module, name = SYSTEMS[trainer].split(":")
    system: System = getattr(import_module(f"{__name__}.{module}"), name)(settings)
    return system


def check_family(settings: RunSpec) -> None:
    """Refuse a method with a model of a family that it cannot take, before anything is loaded.

    Raises:
        ValueError: One line that names both and a model that fits.
    """
    method, model = settings.method, settings.model
    if method.trainer is not None and method.trainer not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        raise ValueError(f"method.trainer={method.trainer} is unknown; known: {known}, or null to train nothing.")
    if method.trainer == "grpo" and method.reward is None:
        raise ValueError("method.reward=null: method.trainer=grpo needs a reward; choose a method that has one.")
    if model.family not in FAMILIES:
        raise ValueError(f"model.family={model.family} is unknown; known: {', '.join(sorted(FAMILIES))}.")
    families = families_for(method.trainer)
    if model.family not in families:
        fitting = next(iter(families.values())).example
        raise ValueError(
            f"model={model.name} (model.family={model.family}) cannot be used with method={method.name}, which takes "
            f"{', '.join(families)}; choose a model of that kind, such as model={fitting}."
        )
