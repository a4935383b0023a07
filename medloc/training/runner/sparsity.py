"""Reward sparsity (section 3.1.2, Eq. 4-5) of a base before training: dead groups per threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers.utils import logging as transformers_logging

from medloc.data import load_dataset
from medloc.data.example import Example
from medloc.data.task import question_of
from medloc.evaluation.answer import sample_answers
from medloc.evaluation.spaces import Spoken
from medloc.models.frames import frames
from medloc.models.load import LoadedModel, load_model
from medloc.rewards import Answer
from medloc.spec.machine import cores
from medloc.spec.run import RunSpec
from medloc.training.runner.hardware import set_threads


@dataclass(frozen=True)
class Start:
    """What a base answers before training.

    Attributes:
        title: what was sampled, in words.
        answers: one list of answers per image.
        spoken: the same, as `medloc.evaluation.spaces` reads them.
        space: the coordinate space that the model's family is said to answer in.
    """

    title: str
    answers: list[list[Answer]]
    spoken: list[Spoken]
    space: str

    @property
    def groups(self) -> list[list[float]]:
        """The IoUs, one list per image."""
        return [[answer.iou for answer in group] for group in self.answers]


def sample_start(settings: RunSpec, images: int) -> Start:
    """Samples a group of answers for the first training images, as a training step would.

    Args:
        settings: a run's settings.
        images: number of training images, at least 1.

    Raises:
        ValueError: fewer than one image.
    """
    if images < 1:
        raise ValueError(f"images={images} must be at least 1.")
    set_threads(settings.threads or cores())
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    data = load_dataset(settings.dataset, Path(settings.cache))
    train = settings.train
    loaded = load_model(settings.model)
    examples = data.train[:images]
    answers = sample_answers(
        loaded,
        examples,
        question_of(settings.dataset, settings.method.prompt),
        group_size=train.group_size,
        temperature=train.temperature,
        max_new_tokens=train.max_completion_length,
        seed=settings.seed,
    )
    return Start(
        f"{data.origin} {data.name}, {settings.model.name}: {len(answers)} groups of {train.group_size}",
        answers,
        spoken_by(loaded, examples, answers),
        loaded.grid(examples[0].width, examples[0].height).space,
    )


def spoken_by(loaded: LoadedModel, examples: Sequence[Example], answers: Sequence[Sequence[Answer]]) -> list[Spoken]:
    """Returns the answers with what their images measure in every space."""
    spoken = []
    for example, group in zip(examples, answers, strict=True):
        size = example.width, example.height
        own = frames(loaded.processor.image_processor, loaded.grid(*size), *size)
        spoken.append(Spoken([answer.text for answer in group], example.box, *size, own))
    return spoken
