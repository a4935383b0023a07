"""The systems a run can train, each behind the same interface; `load_system` chooses by method and model.

One file each: `grpo` and `sft` train a vision-language model (`vlm` answers with it), `detector` is GroundingDINO,
`specialist` a segmentation network.
"""

from medloc.models.load import FAMILIES as LANGUAGE
from medloc.settings.run import Settings
from medloc.training.systems.base import System, Training

__all__ = ["System", "Training", "load_system"]

DETECTOR, SPECIALIST = "grounding_dino", "torchvision"
OTHERS = {  # model.family -> what trains it, and the model its method brings along
    DETECTOR: ("grounding_dino", "grounding_dino_tiny"),
    SPECIALIST: ("specialist", "lraspp_mobilenet_v3_large"),
}


def load_system(settings: Settings) -> System:
    """Loads the model of a run, ready to answer and to be trained.

    Raises:
        ValueError: the method cannot train this family of models, or needs an answer that it cannot give.
        FileNotFoundError: the weights are not there.
    """
    check_family(settings)
    family, trainer = settings.model.family, settings.method.trainer
    if family == DETECTOR:
        from medloc.training.systems.detector import DetectorSystem

        return DetectorSystem(settings)
    if family == SPECIALIST:
        from medloc.training.systems.specialist import SpecialistSystem

        return SpecialistSystem(settings)
    if trainer == "sft":
        from medloc.training.systems.sft import SftSystem

        return SftSystem(settings)
    from medloc.training.systems.grpo import GrpoSystem

    return GrpoSystem(settings)


def check_family(settings: Settings) -> None:
    """Refuses a method with a model of a family that it cannot train, before anything is loaded.

    Raises:
        ValueError: one line that names both keys and a model that fits.
    """
    method, model = settings.method, settings.model
    known = (*LANGUAGE, *OTHERS)
    if model.family not in known:
        raise ValueError(f"model.family={model.family} is unknown; known: {', '.join(known)}.")
    fits = _families(method.trainer)
    if model.family not in fits:
        bring = dict(OTHERS.values()).get(str(method.trainer), "tiny_s")
        raise ValueError(
            f"model={model.name} is of model.family={model.family}, which method={method.name} cannot use (it takes "
            f"{', '.join(fits)}); choose another model, such as model={bring}."
        )


def _families(trainer: str | None) -> tuple[str, ...]:
    """Returns the families that a trainer can train; without one, those that can answer untrained.

    Raises:
        ValueError: unknown trainer.
    """
    fits: dict[str | None, tuple[str, ...]] = {trainer: (family,) for family, (trainer, _) in OTHERS.items()}
    fits |= {None: (*LANGUAGE, DETECTOR), "grpo": tuple(LANGUAGE), "sft": tuple(LANGUAGE)}
    if trainer not in fits:
        known = ", ".join(str(name) for name in fits if name)
        raise ValueError(f"method.trainer={trainer} is unknown; known: {known}, or null to train nothing.")
    return fits[trainer]
