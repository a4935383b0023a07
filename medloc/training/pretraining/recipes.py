"""Which tiny bases there are, and what makes each."""

from importlib import import_module
from pathlib import Path

from medloc.spec.pretrain import PretrainSettings

RECIPES = {  # name -> module and function (settings) -> folder; a module is imported when its base is made
    "tiny_s": ("medloc.training.pretraining.language", "make_base"),
    "tiny_m": ("medloc.training.pretraining.language", "make_base"),
    "tiny_l": ("medloc.training.pretraining.language", "make_base"),
    "internvl_tiny": ("medloc.training.pretraining.language", "make_base"),
    "clip_tiny": ("medloc.training.pretraining.clip", "make_clip_base"),
    "grounding_dino_tiny": ("medloc.training.pretraining.detector", "make_detector_base"),
}


def make(settings: PretrainSettings) -> Path:
    """Makes the base `settings.model` by its recipe; the same call goes on from the newest checkpoint.

    Raises:
        ValueError: there is no such recipe.
    """
    if settings.model not in RECIPES:
        raise ValueError(f"model={settings.model} is unknown; known: {', '.join(RECIPES)}.")
    module, function = RECIPES[settings.model]
    return getattr(import_module(module), function)(settings)
