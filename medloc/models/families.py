"""The registry of model families: `model.family` of a run names one of these."""

from medloc.models.base import Family
from medloc.models.grounding_dino import GroundingDinoFamily
from medloc.models.segmenter import SegmenterFamily
from medloc.models.vlm import INTERNVL, QWEN2_5_VL, QWEN3_VL, VisionLanguageFamily

FAMILIES: dict[str, Family] = {
    "qwen2_5_vl": QWEN2_5_VL,
    "qwen3_vl": QWEN3_VL,
    "internvl": INTERNVL,
    "grounding_dino": GroundingDinoFamily(),
    "torchvision": SegmenterFamily(),
}


def families_for(trainer: str | None) -> dict[str, Family]:
    """Return the families that `method.trainer` can train; for None, those whose untrained answers mean something."""
    return {
        name: family
        for name, family in FAMILIES.items()
        if (family.answers_untrained if trainer is None else trainer in family.trainers)
    }


def vision_language_families() -> dict[str, VisionLanguageFamily]:
    """Return the families that answer in text."""
    return {name: family for name, family in FAMILIES.items() if isinstance(family, VisionLanguageFamily)}
