"""The systems a run can train, each behind the same interface; `load_system` chooses by method and model.

One file each: `grpo` and `sft` train a vision-language model (`vlm` answers with it), `detector` is GroundingDINO,
`specialist` a segmentation network.
"""

from medloc.models.load import FAMILIES as LANGUAGE
from medloc.spec.run import RunSpec
from medloc.training.systems.base import System, Training

__all__ = ["System", "Training", "load_system"]

DETECTOR, SPECIALIST = "grounding_dino", "torchvision"
TRAINS: dict[str | None, tuple[tuple[str, ...], str]] = {
    None: ((*LANGUAGE, DETECTOR), "tiny_s"),
    "grpo": (tuple(LANGUAGE), "tiny_s"),
    "sft": (tuple(LANGUAGE), "tiny_s"),
    "grounding_dino": ((DETECTOR,), "grounding_dino_tiny"),
    "specialist": ((SPECIALIST,), "specialist_tiny"),
}
"""method.trainer -> the families of models it takes (None: those that can answer untrained), and a model of theirs."""


def load_system(settings: RunSpec) -> System:
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


def check_family(settings: RunSpec) -> None:
    """Refuses a method with a model of a family that it cannot take, before anything is loaded.

    Raises:
        ValueError: one line that names both and a model that fits.
    """
    method, model = settings.method, settings.model
    if method.trainer not in TRAINS:
        known = ", ".join(name for name in TRAINS if name)
        raise ValueError(f"method.trainer={method.trainer} is unknown; known: {known}, or null to train nothing.")
    if method.trainer == "grpo" and method.reward is None:
        raise ValueError("method.reward=null: method.trainer=grpo needs a reward; choose a method that has one.")
    known_families = {family for families, _ in TRAINS.values() for family in families}
    if model.family not in known_families:
        raise ValueError(f"model.family={model.family} is unknown; known: {', '.join(sorted(known_families))}.")
    families, fitting = TRAINS[method.trainer]
    if model.family not in families:
        raise ValueError(
            f"model={model.name} (model.family={model.family}) cannot be used with method={method.name}, which takes "
            f"{', '.join(families)}; choose a model of that kind, such as model={fitting}."
        )
