"""The `tracking` group: which service shows a run while it goes on."""

from dataclasses import dataclass

from medloc.spec.fields import setting

MODES = ("online", "offline", "off")


@dataclass
class TrackingSettings:
    """W&B, TensorBoard or neither; the keys are explained in `conf/tracking/*.yaml`.

    No key of a service is among the settings, because settings are written into records.
    """

    name: str = setting(affects="reporting")
    images: int = setting(affects="reporting", default=0)
    mode: str = setting(affects="reporting", default="off")
    project: str = setting(affects="reporting", default="medloc")
    entity: str | None = setting(affects="reporting", default=None)
    group: str | None = setting(affects="reporting", default=None)
    tags: list[str] = setting(affects="reporting", default=[])
    checkpoints: bool = setting(affects="reporting", default=False)


def check_tracking(settings: TrackingSettings) -> None:
    """Refuse values that no service takes.

    Raises:
        ValueError: naming the key.
    """
    if settings.mode not in MODES:
        raise ValueError(f"tracking.mode={settings.mode} must be one of {', '.join(MODES)}.")
    if settings.images < 0:
        raise ValueError(f"tracking.images={settings.images} must be at least 0, which shows none.")
