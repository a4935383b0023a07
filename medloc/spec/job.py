"""From a composed Hydra configuration to one job: typed settings, checked across keys, and what sets it apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from medloc.curriculum import curriculum_from
from medloc.experiments.planned import IDENTITY_GROUPS, NOT_A_VARIANT
from medloc.rewards import reward_for
from medloc.runs.key import CURRICULUM_GROUPS
from medloc.spec import CONF, register
from medloc.spec.batches import check_batches
from medloc.spec.launch import check_launch
from medloc.spec.model import check_model
from medloc.spec.rollout import check_rollout
from medloc.spec.run import Settings
from medloc.spec.tracking import check_tracking
from medloc.spec.words import word


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        settings: typed and checked.
        config: the same as plain mappings, lists and scalars.
        variant: overrides that set it apart from the run of the same identity ("" = none).
    """

    settings: Settings
    config: dict[str, Any]
    variant: str


def compose_job(overrides: Sequence[str]) -> Job:
    """Composes a job without the command line; the same as `python -m medloc.run` with these overrides."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        full = compose("config", list(overrides), return_hydra_config=True)
        choices = OmegaConf.to_container(full.hydra.runtime.choices)
        assert isinstance(choices, dict)
        plain = compose("config", list(overrides))
        return job_from(plain, {str(k): str(v) for k, v in choices.items()}, overrides)


def job_from(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> Job:
    """Builds a job from what Hydra composed.

    Args:
        config: the composed configuration.
        choices: the option chosen in each group.
        overrides: the command line's overrides.

    Raises:
        ValueError: keys that contradict each other; the message names them.
    """
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, Settings)
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    job = Job(settings, {str(key): value for key, value in plain.items()}, _variant(config, choices, overrides))
    _check(job, overrides)
    return job


def _check(job: Job, overrides: Sequence[str]) -> None:
    train, method = job.settings.train, job.settings.method
    check_tracking(job.settings.tracking)
    curriculum_from(job.config)  # raises with the key's name
    if method.reward is not None:
        reward_for(method.reward, method.preset)  # so does this
    if not method.uses_schedule:
        for override in overrides:
            group = override.lstrip("+~").partition("=")[0].partition(".")[0]
            if group in CURRICULUM_GROUPS:
                raise ValueError(
                    f"{override} has no meaning with method={method.name}, which has no schedule; drop it or use "
                    "method=medloc."
                )
    check_launch(job.settings.launch, job.settings.device)
    check_batches(train, job.settings.launch, method.trainer)
    check_model(job.settings.model, job.settings.launch, method.trainer, job.settings.device)
    check_rollout(job.settings.rollout, job.settings.launch, method.trainer, job.settings.device)
    if job.settings.device not in ("auto", "cpu"):
        raise ValueError(f"device={job.settings.device} must be auto or cpu.")
    guard = job.settings.guard
    if guard.non_finite not in ("stop", "skip"):
        raise ValueError(f"guard.non_finite={guard.non_finite} must be stop or skip.")
    if guard.most_skipped < 1:
        raise ValueError(
            f"guard.most_skipped={guard.most_skipped} must be at least 1; to skip none, guard.non_finite=stop."
        )
    for key in ("most_kl", "most_dead"):
        value = getattr(guard, key)
        if value is not None and value <= 0:
            raise ValueError(f"guard.{key}={value} must be above 0; null turns it off.")
    if train.dynamic_sampling < 0:
        raise ValueError(f"train.dynamic_sampling={train.dynamic_sampling} must be at least 0, which turns it off.")


def _variant(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> str:
    """Names what differs from the plain run: other options of the groups, and single keys with other values."""
    chosen = [f"{group}={choices[group]}" for group in IDENTITY_GROUPS if group in choices]
    default = compose("config", chosen)
    parts = set()
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        named = key in (*IDENTITY_GROUPS, *NOT_A_VARIANT) or key.partition(".")[0] in ("hydra", *NOT_A_VARIANT)
        value = OmegaConf.select(config, key)
        if not named and value != OmegaConf.select(default, key):
            plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            parts.add(f"{key}={choices[key] if key in choices else word(plain)}")
    return " ".join(sorted(parts))
