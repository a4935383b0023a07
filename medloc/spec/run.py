"""Schemas of the groups that a run adds to the curriculum's and the data set's: model, method, train, evaluation."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from medloc.spec.curriculum import CriteriaSettings, ScheduleSettings, StrategySettings, WindowSettings
from medloc.spec.dataset import DatasetSettings
from medloc.spec.launch import LaunchSettings
from medloc.spec.rollout import RolloutSettings
from medloc.spec.tracking import TrackingSettings


@dataclass
class ModelSettings:
    """Which vision-language model is trained; keys are explained in `conf/model/*.yaml`."""

    name: str = MISSING
    family: str = MISSING
    path: str | None = MISSING
    dtype: str = MISSING
    min_pixels: int | None = MISSING
    max_pixels: int | None = MISSING
    answer_step: int = MISSING


@dataclass
class MethodSettings:
    """What a completion is paid for; keys are explained in `conf/method/*.yaml`."""

    name: str = MISSING
    trainer: str | None = MISSING
    reward: str | None = MISSING
    uses_schedule: bool = MISSING
    tau: float | None = MISSING
    preset: str | None = MISSING
    prompt: str | None = MISSING
    format_weight: float = MISSING
    semantic_weight: float = MISSING
    semantic_model: str | None = MISSING
    tiny_learning_rate: float = MISSING


@dataclass
class TrainSettings:
    """GRPO's settings; keys are explained in `conf/train/*.yaml`."""

    name: str = MISSING
    max_steps: int | None = MISSING
    epochs: int | None = MISSING
    table_step: int | None = MISSING
    prompts_per_step: int = MISSING
    group_size: int = MISSING
    per_device_batch: int = MISSING
    temperature: float = MISSING
    beta: float = MISSING
    epsilon: float = MISSING
    learning_rate: float = MISSING
    lr_scheduler: str = MISSING
    weight_decay: float = MISSING
    max_grad_norm: float = MISSING
    max_completion_length: int = MISSING
    gradient_checkpointing: bool = MISSING
    bf16: bool = MISSING
    share_prompts: bool = MISSING
    dynamic_sampling: int = MISSING
    mask_dead_kl: bool = MISSING
    checkpoints: int = MISSING
    keep_checkpoints: int = MISSING


@dataclass
class EvaluationSettings:
    """Greedy evaluation during and after training; keys are explained in `conf/config.yaml`."""

    batch_size: int = MISSING
    points: int = MISSING
    images: int = MISSING
    keep_mb: int = MISSING


@dataclass
class GuardSettings:
    """When a training that has run away ends; keys are explained in `conf/config.yaml`."""

    non_finite: str = MISSING
    most_skipped: int = MISSING
    most_kl: float | None = MISSING
    most_dead: int | None = MISSING


@dataclass
class Settings:
    """Everything that one run is, as composed by Hydra from `conf/`."""

    dataset: DatasetSettings = MISSING
    model: ModelSettings = MISSING
    method: MethodSettings = MISSING
    schedule: ScheduleSettings = MISSING
    strategy: StrategySettings = MISSING
    criteria: CriteriaSettings = MISSING
    window: WindowSettings = MISSING
    train: TrainSettings = MISSING
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    tracking: TrackingSettings = MISSING
    launch: LaunchSettings = MISSING
    rollout: RolloutSettings = MISSING
    seed: int = MISSING
    threads: int | None = MISSING
    device: str = MISSING
    deterministic: bool = MISSING
    results: str = MISSING
    cache: str = MISSING
    rerun: bool = MISSING


SCHEMAS: dict[tuple[str, str], type] = {
    ("model", "model_schema"): ModelSettings,
    ("method", "method_schema"): MethodSettings,
    ("train", "train_schema"): TrainSettings,
}
