"""Before training: sample groups of answers as a training step would, and say what they mean for it.

How good are the answers, how many groups would be dead (section 3.1.2, Eq. 4-5), and where should tau begin? Only
`sample_start` imports torch.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medloc.boxes import ParseFailure
from medloc.curriculum import Schedule, config_keys
from medloc.evaluation.spaces import Spoken
from medloc.rewards import WATCHED, Answer, group_shares

if TYPE_CHECKING:
    from medloc.data.example import Example
    from medloc.models.base import LoadedModel
    from medloc.spec.run import RunSpec

BINS = tuple(i / 10 for i in range(10))
STARTS = tuple(i / 20 for i in range(1, 17))
"""Thresholds on IoU at which a curriculum could begin: 0.05 to 0.80."""

TOO_FEW = 0.10
"""If fewer groups than this are mixed at the best threshold, the threshold is not what is wrong."""

NEVER = -1.0
"""Stands for an answer without a box: it reaches no threshold, not even 0."""


@dataclass(frozen=True)
class Scale:
    """What a method compares with tau.

    Attributes:
        name: its name in the report.
        watched: its value of an answer, in [0, 1].
        thresholds: the values of tau that the report lists.
        starts: the values of tau at which a curriculum could begin.
    """

    name: str
    watched: Callable[[Answer], float]
    thresholds: tuple[float, ...]
    starts: tuple[float, ...]


IOU = Scale("IoU", lambda answer: answer.iou, (0.3, 0.45, 0.5, 0.6, 0.7, 0.8), STARTS)
HALF = tuple(round((1 + start) / 2, 3) for start in (-0.5, -0.3, -0.1, *STARTS))
"""The same thresholds, and three below them, on (1 + GIoU) / 2: what IoU t is for boxes that fill their hull."""


def scale_of(reward: str | None) -> Scale:
    """Return the scale of a method's reward: IoU, or what `WATCHED` says."""
    watched = WATCHED.get(reward or "")
    return Scale(f"what {reward} compares", watched, (0.5, 0.6, 0.65, 0.7, 0.8, 0.9), HALF) if watched else IOU


@dataclass(frozen=True)
class Begin:
    """Where tau begins under a job's settings.

    Attributes:
        tau: the threshold; None for a method without one.
        key: the configuration key that sets it; None where no key does.
        reason: why there is no key.
    """

    tau: float | None
    key: str | None
    reason: str = ""


def begin_of(schedule: Schedule, method: Any) -> Begin:
    """Return where tau begins, for every schedule and method.

    Args:
        schedule: the job's schedule.
        method: the job's method settings.
    """
    if not method.uses_schedule:
        if method.tau is None:
            return Begin(None, None, f"method={method.name} has no threshold")
        return Begin(method.tau, "method.tau")
    keys = [key for key in ("tau0", "tau") if key in config_keys(type(schedule))]
    if not keys:
        return Begin(schedule.tau0, None, f"schedule={schedule.name} chooses tau itself, from what the window holds")
    return Begin(schedule.tau0, f"schedule.{keys[0]}")


@dataclass(frozen=True)
class Start:
    """What a base model answers before training.

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

    def groups(self, scale: Scale) -> list[list[float]]:
        """Return what is compared with tau, one list per image; `NEVER` where there is no box."""
        return [[scale.watched(answer) if answer.box else NEVER for answer in group] for group in self.answers]


def sample_start(settings: "RunSpec", images: int) -> Start:
    """Sample a group of answers for the first training images, as a training step would.

    Args:
        settings: a run's settings.
        images: number of training images, at least 1.
    """
    from transformers.utils import logging as transformers_logging

    from medloc.data import load_dataset
    from medloc.data.prompts import question_of
    from medloc.evaluation.answer import sample_answers
    from medloc.models.load import load_run_model

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    data = load_dataset(settings.dataset, Path(settings.cache))
    train = settings.train
    loaded = load_run_model(settings)
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


def spoken_by(
    loaded: "LoadedModel", examples: "Sequence[Example]", answers: Sequence[Sequence[Answer]]
) -> list[Spoken]:
    """Return the answers with the size of their images in every coordinate space."""
    from medloc.models.vlm import frame_sizes

    spoken = []
    for example, group in zip(examples, answers, strict=True):
        size = example.width, example.height
        own = frame_sizes(loaded.processor.image_processor, loaded.grid(*size), *size)
        spoken.append(Spoken([answer.text for answer in group], example.box, *size, own))
    return spoken


def shares_at(groups: Sequence[Sequence[float]], tau: float) -> tuple[float, float, float]:
    """Return the shares of groups that are all-miss, mixed and all-hit at `tau`."""
    return group_shares([[value >= tau for value in group] for group in groups])


def histogram(ious: Sequence[float]) -> list[int]:
    """Return how many IoUs lie in [0, 0.1), [0.1, 0.2) ... [0.9, 1]."""
    counts = Counter(min(9, int(round(iou, 6) * 10 + 1e-9)) for iou in ious)
    return [counts[i] for i in range(len(BINS))]


def failures(answers: Sequence[Answer]) -> Counter[str]:
    """Return why answers hold no box -> how many."""
    return Counter(answer.box.reason for answer in answers if isinstance(answer.box, ParseFailure))


@dataclass(frozen=True)
class Advice:
    """Where tau should begin.

    Attributes:
        tau0: the threshold; None where none would help.
        reason: why, with the shares it rests on.
    """

    tau0: float | None
    reason: str


def advise(groups: Sequence[Sequence[float]], default: float, starts: Sequence[float] = STARTS) -> Advice:
    """Return the threshold at which most groups hold both hits and misses, so that most advantages are not 0 (Eq. 5).

    The default stays where no other threshold beats it by more than two standard errors of a share over these groups.

    Args:
        groups: what is compared with tau, one list per image.
        default: where tau begins now.
        starts: the thresholds to choose from.
    """
    mixed = {tau: shares_at(groups, tau)[1] for tau in (*starts, default)}
    best = max(mixed, key=lambda tau: (mixed[tau], tau))
    top, here = mixed[best], mixed[default]
    miss, _, hit = shares_at(groups, default)
    at_default = f"{_percent(here)} at {default:g} ({_percent(miss)} all-miss, {_percent(hit)} all-hit)"
    if top < TOO_FEW:
        return Advice(
            None,
            f"at no threshold do more than {_percent(top)} of the groups hold hits and misses; {at_default}. The "
            "answers of a group hardly differ (raise train.temperature), or they miss everywhere (see the coordinate "
            "space below, the prompt, or begin with method=sft).",
        )
    noise = sqrt(top * (1 - top) / len(groups)) + sqrt(here * (1 - here) / len(groups))
    if top - here <= noise:
        return Advice(
            default, f"{at_default} of the groups teach; none teaches more beyond the noise of {len(groups)}."
        )
    return Advice(best, f"{_percent(top)} of the groups teach there, {at_default}; N = {len(groups)} groups.")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
