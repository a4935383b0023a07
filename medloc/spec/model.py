"""Schema of the published checkpoints in the `model` group, and the checks of precision, attention and adapters."""

from dataclasses import dataclass, field
from importlib.util import find_spec

from omegaconf import MISSING

from medloc.spec.launch import LaunchSettings, engine
from medloc.spec.run import ModelSettings, Settings

DTYPES = ("float32", "bfloat16")
ATTENTION = ("eager", "sdpa", "flash_attention_2")
SHARDED = ("fsdp2", "zero3")
LANGUAGE_TRAINERS = ("grpo", "sft")


@dataclass
class LoraSettings:
    """Adapters in the language model's layers; rank 0 trains the weights themselves."""

    rank: int = MISSING
    alpha: int = MISSING
    dropout: float = MISSING
    targets: list[str] = MISSING
    learning_rate: float = MISSING


@dataclass
class PublishedModelSettings(ModelSettings):
    """A checkpoint as published, or a folder in its layout; keys are explained in `conf/model/_published.yaml`."""

    attention: str | None = MISSING
    freeze_vision: bool = MISSING
    lora: LoraSettings = field(default_factory=LoraSettings)


SCHEMAS: dict[tuple[str, str], type] = {("model", "published_schema"): PublishedModelSettings}
"""(config group, schema name) -> the class that types it."""


def adapters(model: ModelSettings) -> LoraSettings | None:
    """Return the adapters' settings; None where the weights themselves are trained."""
    return model.lora if isinstance(model, PublishedModelSettings) and model.lora.rank else None


def learning_rate(settings: Settings) -> float:
    """Return the optimizer's first learning rate: the adapters' own where there are adapters."""
    lora = adapters(settings.model)
    return lora.learning_rate if lora else settings.train.learning_rate


def check_model(model: ModelSettings, launch: LaunchSettings, trainer: str | None, device: str) -> None:
    """Check what the model is trained in and with, before its weights are loaded.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    if model.dtype not in DTYPES:
        raise ValueError(f"model.dtype={model.dtype} is not known; use one of {', '.join(DTYPES)}.")
    if trainer in LANGUAGE_TRAINERS and model.dtype != "float32" and not adapters(model):
        _check_masters(model, launch)
    if isinstance(model, PublishedModelSettings):
        _check_attention(model.attention, device)
        _check_adapters(model.lora, launch, trainer)


def _check_masters(model: ModelSettings, launch: LaunchSettings) -> None:
    """AdamW at 1e-6 moves 2 % of plain bfloat16 weights in 50 steps, where it moves every float32 one."""
    if engine(launch) not in ("zero2", "zero3"):
        raise ValueError(
            f"model.dtype={model.dtype} has no float32 masters under launch={launch.name}: small steps would be "
            "rounded away; use model.dtype=float32 with train.bf16=true, or model.lora.rank=16, or launch=zero2."
        )


def _check_attention(attention: str | None, device: str) -> None:
    if attention is None or attention in ("eager", "sdpa"):
        return
    if attention not in ATTENTION:
        raise ValueError(f"model.attention={attention} is not known; use one of {', '.join(ATTENTION)}, or null.")
    if device == "cpu":
        raise ValueError(f"model.attention={attention} needs a GPU; drop device=cpu, or use model.attention=sdpa.")
    if find_spec("flash_attn") is None:
        raise ValueError(f"model.attention={attention} needs the package flash-attn; install it, or use sdpa.")


def _check_adapters(lora: LoraSettings, launch: LaunchSettings, trainer: str | None) -> None:
    if lora.rank < 0 or not 0 <= lora.dropout < 1 or lora.alpha <= 0 or lora.learning_rate <= 0:
        raise ValueError(
            f"model.lora: rank={lora.rank} must be at least 0, alpha={lora.alpha} and "
            f"learning_rate={lora.learning_rate} above 0, dropout={lora.dropout} in [0, 1)."
        )
    if not lora.rank or trainer not in LANGUAGE_TRAINERS:
        return
    if "lm_head" in lora.targets:
        raise ValueError(
            "model.lora.targets=[..., lm_head]: trl computes log-probabilities inside the head, which can carry no "
            "adapter; leave it out."
        )
    if not lora.targets:
        raise ValueError("model.lora.targets=[] must name layers, such as [q_proj,v_proj]; or use model.lora.rank=0.")
    if engine(launch) in SHARDED:
        raise ValueError(
            f"model.lora.rank={lora.rank} cannot be merged from the shards of launch={launch.name}; use launch=ddp or "
            "zero2: adapters leave little to shard."
        )
    if find_spec("peft") is None:
        raise ValueError(
            f"model.lora.rank={lora.rank} needs the package peft; pip install 'medloc[gpu]', or use model.lora.rank=0."
        )
