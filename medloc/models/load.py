"""Loading a model onto the device, and in the precision, in which it answers and trains."""

from dataclasses import replace

import torch
from accelerate import PartialState
from torch import distributed

from medloc.models.base import LoadedModel
from medloc.models.families import FAMILIES
from medloc.models.vision_attention import attend_by_windows
from medloc.spec.model import SHARDED, ModelSettings
from medloc.spec.run import RunSpec
from medloc.spec.train import check_installed


def resolve_device(device: str = "auto", sharding: str | None = None) -> torch.device:
    """Return where a model is put when it is loaded.

    Args:
        device: the setting: "auto" takes CUDA, then MPS, then the CPU; "cpu" the CPU.
        sharding: `launch.engine`. FSDP2 and ZeRO-3 shard a model that may be too large for one GPU, so it stays on the
            CPU until the trainer has sharded it; what it answers before training is computed there.

    Returns:
        The device of this process; under several processes each has its own GPU.
    """
    if device == "cpu" or sharding in SHARDED:
        return torch.device("cpu")
    if distributed.is_available() and distributed.is_initialized():
        return PartialState().device
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_model(settings: ModelSettings, device: torch.device | None = None, seed: int = 0) -> LoadedModel:
    """Load a model of any family onto its device.

    Args:
        settings: which model.
        device: where it goes; None chooses as `device=auto` does.
        seed: draws the weights of a family that starts from none.

    Raises:
        ValueError: unknown family, or a setting that has no meaning for it.
        FileNotFoundError: the weights are not there.
    """
    if settings.family not in FAMILIES:
        raise ValueError(f"model.family={settings.family} is unknown; known: {', '.join(FAMILIES)}.")
    loaded = FAMILIES[settings.family].load(settings, seed)
    loaded.model.to(device or resolve_device())
    if torch.cuda.is_available():  # wherever the model lies now: sharded engines move it later
        attend_by_windows(loaded.model)
    return loaded


def load_run_model(settings: RunSpec) -> LoadedModel:
    """Load the model of a run with `load_model`, on the run's device and in the precision it is trained in.

    Raises:
        ValueError: A package that training needs is not installed, or what `load_model` raises.
    """
    check_installed(settings.train, settings.method.trainer)
    device = resolve_device(settings.device, settings.launch.engine)
    return replace(load_model(settings.model, device, settings.seed), bf16=settings.train.bf16)
