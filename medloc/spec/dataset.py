"""The `dataset` group and the checks of its values; names and splits are checked by `medloc.data.sets`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medloc.spec.fields import group, setting

BOXES = ("union", "largest", "single", "all")
"""How the connected components of a mask become boxes."""

EVALUATE_ON = ("test", "calibration", "validation")
"""What a run is evaluated on; only phantoms have calibration images, validation images are set apart from training."""


@dataclass
class PhantomSettings:
    """How many phantoms are drawn in the place of a data set, and the one seed that draws them."""

    train: int = setting(affects="results")
    test: int = setting(affects="results")
    calibration: int = setting(affects="results")
    seed: int = setting(affects="results")


@dataclass
class DatasetSettings:
    """Which images a run learns from and is evaluated on; the keys are explained in conf/dataset."""

    name: str = setting(affects="results")
    root: str | None = setting(affects="place")
    boxes: str = setting(affects="results")
    split: str = setting(affects="results")
    split_seed: int = setting(affects="results")
    prompt: str | None = setting(affects="results")
    sidecar: str = setting(affects="place")
    evaluate_on: str = setting(affects="results")
    phantom: PhantomSettings = group(PhantomSettings)
    manifest: str | None = setting(affects="place", default=None)
    target: str | None = setting(affects="results", default=None)
    validation_fraction: float = setting(affects="results", default=0.0)


def check_dataset(settings: DatasetSettings) -> None:
    """Check every value of the `dataset` group on its own and against the others.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    _one_of("dataset.boxes", settings.boxes, BOXES)
    _one_of("dataset.evaluate_on", settings.evaluate_on, EVALUATE_ON)
    real = settings.root is not None or settings.name == "manifest"
    if real and settings.evaluate_on == "calibration":
        raise ValueError(
            "dataset.evaluate_on=calibration needs phantoms; drop dataset.root or use dataset.evaluate_on=test."
        )
    _check_counts(settings.phantom)
    _check_manifest(settings)
    if not 0 <= settings.validation_fraction < 1:
        raise ValueError(
            f"dataset.validation_fraction={settings.validation_fraction} must be at least 0 and below 1; it is a share "
            "of the training images."
        )


def _check_manifest(settings: DatasetSettings) -> None:
    if settings.name == "manifest" and not settings.manifest:
        raise ValueError(
            "dataset=manifest needs dataset.manifest=PATH; `python -m medloc.data prepare FOLDER` writes one."
        )
    for key in ("manifest", "target"):
        value = getattr(settings, key)
        if settings.name != "manifest" and value is not None:
            raise ValueError(f"dataset.{key}={value} has no meaning with dataset={settings.name}; drop it.")


def _one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{key}={value} is not known; use one of {', '.join(known)}.")


def _check_counts(phantom: PhantomSettings) -> None:
    for part in ("train", "test", "calibration"):
        count = getattr(phantom, part)
        if count < 1:
            raise ValueError(f"dataset.phantom.{part}={count} must be at least 1.")
    if phantom.seed < 0:
        raise ValueError(f"dataset.phantom.seed={phantom.seed} must not be negative.")


def dataset_settings(written: Mapping[str, Any]) -> DatasetSettings:
    """Return the group as a record has it written down.

    Raises:
        KeyError: it has no phantoms.
        TypeError: it has keys of another version.
    """
    return DatasetSettings(**{**written, "phantom": PhantomSettings(**written["phantom"])})
