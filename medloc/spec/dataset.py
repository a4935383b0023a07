"""The `dataset` group and the checks of its values; names and splits are checked by `medloc.data.sets`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medloc.spec.fields import check_values, group, setting

BOXES = ("union", "largest", "single", "all")
"""How the connected components of a mask become boxes."""

EVALUATE_ON = ("test", "calibration", "validation")
"""What a run is evaluated on; only phantoms have calibration images, validation images are set apart from training."""


@dataclass
class PhantomSettings:
    """How many phantoms are drawn in the place of a data set, and the one seed that draws them."""

    train: int = setting(affects="results", at_least=1)
    test: int = setting(affects="results", at_least=1)
    calibration: int = setting(affects="results", at_least=1)
    seed: int = setting(affects="results", at_least=0)


@dataclass
class DatasetSettings:
    """Which images a run learns from and is evaluated on; the keys are explained in conf/dataset."""

    name: str = setting(affects="results")
    root: str | None = setting(affects="place")
    boxes: str = setting(affects="results", one_of=BOXES)
    split: str = setting(affects="results")
    split_seed: int = setting(affects="results", at_least=0)
    prompt: str | None = setting(affects="results", remedy="null asks the data set's own question")
    sidecar: str = setting(affects="place")
    evaluate_on: str = setting(affects="results", one_of=EVALUATE_ON)
    phantom: PhantomSettings = group(PhantomSettings)
    manifest: str | None = setting(affects="place", default=None)
    target: str | None = setting(affects="results", default=None)
    validation_fraction: float = setting(
        affects="results", default=0.0, at_least=0, below=1, remedy="it is a share of the training images"
    )


def check_dataset(settings: DatasetSettings) -> None:
    """Check every value of the `dataset` group on its own and against the others.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    check_values(settings, "dataset.")
    real = settings.root is not None or settings.name == "manifest"
    if real and settings.evaluate_on == "calibration":
        raise ValueError(
            "dataset.evaluate_on=calibration needs phantoms; drop dataset.root or use dataset.evaluate_on=test."
        )
    if settings.name == "manifest" and not settings.manifest:
        raise ValueError(
            "dataset=manifest needs dataset.manifest=PATH; `python -m medloc.data prepare FOLDER` writes one."
        )
    for key in ("manifest", "target"):
        value = getattr(settings, key)
        if settings.name != "manifest" and value is not None:
            raise ValueError(f"dataset.{key}={value} has no meaning with dataset={settings.name}; drop it.")


def dataset_settings(written: Mapping[str, Any]) -> DatasetSettings:
    """Return the group as a record has it written down.

    Raises:
        KeyError: it has no phantoms.
        TypeError: it has keys of another version.
    """
    return DatasetSettings(**{**written, "phantom": PhantomSettings(**written["phantom"])})
