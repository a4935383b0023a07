"""The specification of one run: every config group, and the checks of one group against another.

The groups whose values need no check against others are declared here.
"""

from dataclasses import dataclass
from typing import Any

from medloc.curriculum import curriculum_from
from medloc.rewards import reward_for
from medloc.spec.dataset import DatasetSettings
from medloc.spec.fields import check_values, group, setting
from medloc.spec.launch import LaunchSettings, check_launch
from medloc.spec.model import ModelSettings, adapters, check_model
from medloc.spec.rollout import RolloutSettings, check_rollout
from medloc.spec.train import EvaluationSettings, GuardSettings, TrainSettings, check_batches, check_precision

CURRICULUM = ("schedule", "strategy", "criteria", "window")
"""Groups that only a method with a curriculum reads; `medloc.curriculum` owns their types and checks their values."""


@dataclass
class MethodSettings:
    """What a run trains with and what a completion earns; the keys are explained in `conf/method/*.yaml`."""

    name: str = setting(affects="results")
    trainer: str | None = setting(affects="results")
    reward: str | None = setting(affects="results")
    uses_schedule: bool = setting(affects="results")
    tau: float | None = setting(affects="results", at_least=0, at_most=1)
    preset: str | None = setting(affects="results")
    prompt: str | None = setting(affects="results")
    format_weight: float = setting(affects="results", at_least=0)
    semantic_weight: float = setting(affects="results", at_least=0)
    semantic_model: str | None = setting(affects="place", in_identity=None)  # its content is in the run key
    tiny_learning_rate: float = setting(affects="results", above=0)


@dataclass
class TrackingSettings:
    """W&B, TensorBoard or neither; the keys are explained in `conf/tracking/*.yaml`.

    No key of a service is among the settings, because settings are written into records.
    """

    name: str = setting(affects="reporting")
    images: int = setting(affects="reporting", default=0, at_least=0, remedy="0 shows none")
    mode: str = setting(affects="reporting", default="off", one_of=("online", "offline", "off"))
    project: str = setting(affects="reporting", default="medloc")
    entity: str | None = setting(affects="reporting", default=None)
    group: str | None = setting(affects="reporting", default=None)
    tags: list[str] = setting(affects="reporting", default=[])
    checkpoints: bool = setting(affects="reporting", default=False)


@dataclass
class RunSpec:
    """Everything that one run is, as Hydra composes it from `conf/`."""

    dataset: DatasetSettings = group(DatasetSettings)
    model: ModelSettings = group(ModelSettings)
    method: MethodSettings = group(MethodSettings)
    schedule: dict[str, Any] = setting(affects="results")
    strategy: dict[str, Any] = setting(affects="results")
    criteria: dict[str, Any] = setting(affects="results")
    window: dict[str, Any] = setting(affects="results")
    train: TrainSettings = group(TrainSettings)
    evaluation: EvaluationSettings = group(EvaluationSettings)
    guard: GuardSettings = group(GuardSettings)
    tracking: TrackingSettings = group(TrackingSettings)
    launch: LaunchSettings = group(LaunchSettings)
    rollout: RolloutSettings = group(RolloutSettings)
    seed: int = setting(affects="results", at_least=0, below=2**32)
    threads: int | None = setting(affects="speed", at_least=1, remedy="null uses all cores")
    device: str = setting(affects="place", one_of=("auto", "cpu"))
    deterministic: bool = setting(affects="results", default=False)
    results: str = setting(affects="place")
    cache: str = setting(affects="place")
    rerun: bool = setting(affects="place")


def learning_rate(spec: RunSpec) -> float:
    """Return the optimizer's first learning rate: the adapters' own where there are adapters."""
    lora = adapters(spec.model)
    return lora.learning_rate if lora else spec.train.learning_rate


def check_run(spec: RunSpec, config: dict[str, Any]) -> None:
    """Check every group on its own and against the others.

    Args:
        spec: the typed specification.
        config: the same as plain mappings.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    method = spec.method
    check_values(spec)
    curriculum_from(config)  # raises with the key's name
    if method.reward is not None:
        reward_for(method.reward, method.preset)  # so does this
    check_launch(spec.launch, spec.device)
    check_batches(spec.train, spec.launch, method.trainer)
    check_model(spec.model, spec.launch, method.trainer, spec.device)
    check_precision(spec.train, spec.model, spec.launch, method.trainer)
    check_rollout(spec.rollout, spec.launch, method.trainer, spec.device)


def refuse_unused(spec: RunSpec, overrides: list[str]) -> None:
    """Refuse a setting of the curriculum that is given to a method without one.

    Raises:
        ValueError: naming both keys.
    """
    if spec.method.uses_schedule:
        return
    for override in overrides:
        if override.lstrip("+~").partition("=")[0].partition(".")[0] in CURRICULUM:
            raise ValueError(
                f"{override} has no meaning with method={spec.method.name}, which has no schedule; drop it or use "
                "method=medloc."
            )
