"""The `rollout` group: what samples the completions."""

from dataclasses import dataclass
from importlib.util import find_spec

from medloc.spec.fields import refuse_changed, setting
from medloc.spec.launch import LaunchSettings

MODES = ("colocate", "server")


@dataclass
class RolloutSettings:
    """What samples the completions; the keys are explained in `conf/rollout/*.yaml`.

    The defaults are those of transformers' generate, which has nothing to set; `mode` names how vLLM runs.
    """

    name: str = setting(affects="results")
    mode: str | None = setting(affects="results", default=None, one_of=MODES)
    gpu_memory: float = setting(affects="speed", default=0.3, above=0, below=1)
    tensor_parallel: int = setting(affects="speed", default=1, at_least=1)
    sleep: bool = setting(affects="speed", default=False)
    server: str | None = setting(affects="place", default=None)
    importance_correction: bool = setting(affects="results", default=True)
    importance_clip: float = setting(affects="results", default=3.0, above=0)


def check_rollout(rollout: RolloutSettings, launch: LaunchSettings, trainer: str | None, device: str) -> None:
    """Check what samples against what is trained, where, and by how many processes; nothing is imported.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    remedy = "use rollout=transformers"
    if rollout.mode is None:
        refuse_changed(rollout, "rollout", "use rollout=vllm_colocate or vllm_server")
        return
    if trainer != "grpo":
        raise ValueError(f"rollout={rollout.name}: method.trainer={trainer} samples no completions; {remedy}.")
    if device == "cpu" and rollout.mode == "colocate":
        raise ValueError(f"rollout={rollout.name} needs GPUs; drop device=cpu, or {remedy}.")
    if launch.processes % rollout.tensor_parallel:
        raise ValueError(
            f"rollout.tensor_parallel={rollout.tensor_parallel} must divide the {launch.processes} processes of "
            f"launch={launch.name}; 1 always does."
        )
    if rollout.mode == "server" and rollout.server is None:
        raise ValueError("rollout.server=null: give the address of the server, such as http://localhost:8000.")
    if find_spec("vllm") is None:
        raise ValueError(f"rollout={rollout.name} needs the package vllm; pip install 'medloc[gpu]', or {remedy}.")
