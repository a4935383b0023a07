"""The `model` group: which model is trained, in which precision, with which attention and adapters."""

from dataclasses import dataclass
from importlib.util import find_spec

from medloc.spec.fields import group, setting
from medloc.spec.launch import LaunchSettings

DTYPES = ("float32", "bfloat16")
ATTENTION = ("eager", "sdpa", "flash_attention_2")
SHARDED = ("fsdp2", "zero3")
LANGUAGE_TRAINERS = ("grpo", "sft")
LINEAR_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""The linear layers of a Qwen2.5 language model."""


@dataclass
class LoraSettings:
    """Adapters in the language model's layers; rank 0 trains the weights themselves."""

    rank: int = setting(affects="results", default=0, at_least=0)
    alpha: int = setting(affects="results", default=32, above=0)
    dropout: float = setting(affects="results", default=0.0, at_least=0, below=1)
    targets: list[str] = setting(affects="results", default=LINEAR_LAYERS)
    learning_rate: float = setting(affects="results", default=1e-5, above=0)


@dataclass
class ModelSettings:
    """Which model is trained; the keys are explained in `conf/model/*.yaml`."""

    name: str = setting(affects="results")
    family: str = setting(affects="results")
    path: str | None = setting(affects="place")
    dtype: str = setting(affects="results", one_of=DTYPES)
    min_pixels: int | None = setting(affects="results", at_least=1)
    max_pixels: int | None = setting(affects="results", at_least=1)
    answer_step: int = setting(affects="results", at_least=1)
    published: bool = setting(affects="results", default=False)
    attention: str | None = setting(affects="results", default=None, one_of=ATTENTION)
    freeze_vision: bool = setting(affects="results", default=False)
    lora: LoraSettings = group(LoraSettings)


def adapters(model: ModelSettings) -> LoraSettings | None:
    """Return the adapters' settings; None where the weights themselves are trained."""
    return model.lora if model.lora.rank else None


def check_model(model: ModelSettings, launch: LaunchSettings, trainer: str | None, device: str) -> None:
    """Check what the model is trained in and with, before its weights are loaded.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    _check_attention(model.attention, device)
    _check_adapters(model.lora, launch, trainer)


def _check_attention(attention: str | None, device: str) -> None:
    if attention != "flash_attention_2":
        return
    if device == "cpu":
        raise ValueError(f"model.attention={attention} needs a GPU; drop device=cpu, or use model.attention=sdpa.")
    if find_spec("flash_attn") is None:
        raise ValueError(f"model.attention={attention} needs the package flash-attn; install it, or use sdpa.")


def _check_adapters(lora: LoraSettings, launch: LaunchSettings, trainer: str | None) -> None:
    if not lora.rank or trainer not in LANGUAGE_TRAINERS:
        return
    if "lm_head" in lora.targets:
        raise ValueError(
            "model.lora.targets=[..., lm_head]: trl computes log-probabilities inside the head, which can carry no "
            "adapter; leave it out."
        )
    if not lora.targets:
        raise ValueError("model.lora.targets=[] must name layers, such as [q_proj,v_proj]; or use model.lora.rank=0.")
    if launch.engine in SHARDED:
        raise ValueError(
            f"model.lora.rank={lora.rank} cannot be merged from the shards of launch={launch.name}; use launch=ddp or "
            "zero2: adapters leave little to shard."
        )
    if find_spec("peft") is None:
        raise ValueError(
            f"model.lora.rank={lora.rank} needs the package peft; pip install 'medloc[gpu]', or use model.lora.rank=0."
        )
