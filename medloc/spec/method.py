"""The `method` group: what trains, and what a completion earns."""

from dataclasses import dataclass

from medloc.spec.fields import setting


@dataclass
class MethodSettings:
    """What a run trains with and what a completion earns; the keys are explained in `conf/method/*.yaml`."""

    name: str = setting(affects="results")
    trainer: str | None = setting(affects="results")
    reward: str | None = setting(affects="results")
    uses_schedule: bool = setting(affects="results")
    tau: float | None = setting(affects="results")
    preset: str | None = setting(affects="results")
    prompt: str | None = setting(affects="results")
    format_weight: float = setting(affects="results")
    semantic_weight: float = setting(affects="results")
    semantic_model: str | None = setting(affects="results")
    tiny_learning_rate: float = setting(affects="results")
