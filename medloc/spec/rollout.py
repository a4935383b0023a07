"""Schemas of the `rollout` group, what samples the completions, and its checks."""

from dataclasses import dataclass
from importlib.util import find_spec

from omegaconf import MISSING

from medloc.spec.launch import LaunchSettings, processes_here

MODES = ("colocate", "server")


@dataclass
class RolloutSettings:
    """transformers' generate, which has nothing to set."""

    name: str = MISSING


@dataclass
class VllmSettings(RolloutSettings):
    """vLLM; keys are explained in `conf/rollout/*.yaml`."""

    mode: str = MISSING
    gpu_memory: float = MISSING
    tensor_parallel: int = MISSING
    sleep: bool = MISSING
    server: str | None = MISSING
    importance_correction: bool = MISSING
    importance_clip: float = MISSING


SCHEMAS: dict[tuple[str, str], type] = {
    ("rollout", "rollout_schema"): RolloutSettings,
    ("rollout", "vllm_schema"): VllmSettings,
}
"""(config group, schema name) -> the class that types it."""


def check_rollout(rollout: RolloutSettings, launch: LaunchSettings, trainer: str | None, device: str) -> None:
    """Check what samples against what is trained, where, and by how many processes; nothing is imported.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    if not isinstance(rollout, VllmSettings):
        return
    remedy = "use rollout=transformers"
    if rollout.mode not in MODES:
        raise ValueError(f"rollout.mode={rollout.mode} is not known; use one of {', '.join(MODES)}.")
    if trainer != "grpo":
        raise ValueError(f"rollout={rollout.name}: method.trainer={trainer} samples no completions; {remedy}.")
    if device == "cpu" and rollout.mode == "colocate":
        raise ValueError(f"rollout={rollout.name} needs GPUs; drop device=cpu, or {remedy}.")
    if not 0 < rollout.gpu_memory < 1:
        raise ValueError(f"rollout.gpu_memory={rollout.gpu_memory} must lie between 0 and 1.")
    if rollout.importance_clip <= 0:
        raise ValueError(f"rollout.importance_clip={rollout.importance_clip} must be above 0.")
    processes = processes_here(launch)
    if rollout.tensor_parallel < 1 or processes % rollout.tensor_parallel:
        raise ValueError(
            f"rollout.tensor_parallel={rollout.tensor_parallel} must divide the {processes} processes of "
            f"launch={launch.name}; 1 always does."
        )
    if rollout.mode == "server" and rollout.server is None:
        raise ValueError("rollout.server=null: give the address of the server, such as http://localhost:8000.")
    if find_spec("vllm") is None:
        raise ValueError(f"rollout={rollout.name} needs the package vllm; pip install 'medloc[gpu]', or {remedy}.")
