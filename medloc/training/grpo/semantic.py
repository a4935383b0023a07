"""MedGround-R1's semantic reward as TRL calls it: one number a completion, from its image and its judged answer."""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from medloc.data.task import target_of
from medloc.models.semantic import SemanticReward
from medloc.rewards import Answer
from medloc.spec.run import RunSpec

RewardFunction = Callable[..., list[float]]


def semantic_rewards(settings: RunSpec, device: torch.device) -> list[tuple[RewardFunction, float]]:
    """Returns the semantic reward function with its weight, or nothing for a method without one.

    The text is the name of the data set's target.
    """
    if not settings.method.semantic_weight:
        return []
    score, text = SemanticReward(settings.method, device), target_of(settings.dataset)

    def semantic(answer: list[Answer], image: list[Image.Image], **_: Any) -> list[float]:
        return score(image, [one.box for one in answer], text)

    return [(semantic, settings.method.semantic_weight)]
