"""Types of the config group tracking; keys are explained in `conf/tracking/*.yaml`."""

from dataclasses import dataclass

from omegaconf import MISSING

MODES = ("online", "offline", "off")


@dataclass
class TrackingSettings:
    """What every choice has: its name, and `none` has nothing else."""

    name: str = MISSING


@dataclass
class WandbTracking(TrackingSettings):
    """Weights & Biases. No key is among the settings: they are written into records."""

    mode: str = MISSING
    project: str = MISSING
    entity: str | None = MISSING
    group: str | None = MISSING
    tags: list[str] = MISSING
    images: int = MISSING
    checkpoints: bool = MISSING


@dataclass
class TensorboardTracking(TrackingSettings):
    """TensorBoard's event files in the run's folder."""

    images: int = MISSING


def check_tracking(settings: TrackingSettings) -> None:
    """Refuse values that no service takes.

    Raises:
        ValueError: naming the key.
    """
    if isinstance(settings, WandbTracking) and settings.mode not in MODES:
        raise ValueError(f"tracking.mode={settings.mode} must be one of {', '.join(MODES)}.")
    if isinstance(settings, WandbTracking | TensorboardTracking) and settings.images < 0:
        raise ValueError(f"tracking.images={settings.images} must be at least 0, which shows none.")


SCHEMAS: dict[tuple[str, str], type] = {
    ("tracking", "tracking_schema"): TrackingSettings,
    ("tracking", "wandb_schema"): WandbTracking,
    ("tracking", "tensorboard_schema"): TensorboardTracking,
}
"""(config group, schema name) -> the class that types it."""
