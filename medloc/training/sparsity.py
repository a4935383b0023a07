"""Reward sparsity (section 3.1.2, Eq. 4-5) of a base before training: dead groups per threshold."""

from collections.abc import Sequence
from pathlib import Path

from transformers.utils import logging as transformers_logging

from medloc.data import load_dataset
from medloc.data.task import question_of
from medloc.evaluation.answer import sample_groups
from medloc.models.load import load_model
from medloc.settings.run import Settings


def group_shares(groups: Sequence[Sequence[float]], tau: float) -> tuple[float, float, float]:
    """Returns the shares of groups that are all-miss, mixed and all-hit at IoU >= `tau`."""
    hits = [sum(iou >= tau for iou in group) for group in groups]
    full = [count == len(group) for count, group in zip(hits, groups, strict=True)]
    miss, hit = hits.count(0) / len(groups), sum(full) / len(groups)
    return miss, 1 - miss - hit, hit


def sample_start(settings: Settings, images: int) -> tuple[str, list[list[float]]]:
    """Samples a group of answers for the first training images, as a training step would.

    Args:
        settings: a run's settings.
        images: number of training images, at least 1.

    Returns:
        What was sampled, in words, and the IoUs of each group.

    Raises:
        ValueError: fewer than one image.
    """
    if images < 1:
        raise ValueError(f"images={images} must be at least 1.")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    data = load_dataset(settings.dataset, Path(settings.cache))
    train = settings.train
    groups = sample_groups(
        load_model(settings.model),
        data.train[:images],
        question_of(settings.dataset, settings.method.prompt),
        group_size=train.group_size,
        temperature=train.temperature,
        max_new_tokens=train.max_completion_length,
        seed=settings.seed,
    )
    return f"{data.origin} {data.name}, {settings.model.name}: {len(groups)} groups of {train.group_size}", groups
