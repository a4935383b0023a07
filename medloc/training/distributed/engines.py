"""How processes share the work, as arguments of transformers' Trainer."""

from typing import Any

from medloc.spec.launch import LaunchSettings
from medloc.spec.run import RunSpec


def engine_arguments(settings: RunSpec) -> dict[str, Any]:
    """Returns what `TrainingArguments` needs for `launch`; nothing for a single process."""
    launch = settings.launch
    if launch.engine is None:
        return {}
    arguments: dict[str, Any] = {"ddp_timeout": launch.timeout_s}
    if launch.engine == "fsdp2":
        arguments |= {"fsdp": True, "fsdp_config": fsdp_config(launch)}
    if launch.engine in ("zero2", "zero3"):
        arguments["deepspeed"] = zero_config(launch, settings.train.bf16)
    return arguments


def fsdp_config(launch: LaunchSettings) -> dict[str, Any]:
    """Returns FSDP2's configuration: every transformer layer is a shard, checkpoints are whole."""
    return {
        "version": 2,
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "reshard_after_forward": True,
        "cpu_offload": launch.offload,
        "state_dict_type": "SHARDED_STATE_DICT",  # each process keeps its own; the trained model is written whole
    }


def zero_config(launch: LaunchSettings, bf16: bool) -> dict[str, Any]:
    """Returns DeepSpeed's configuration, as TRL ships it; it keeps float32 masters of bfloat16 weights itself."""
    place = {"device": "cpu", "pin_memory": True} if launch.offload else {"device": "none"}
    stage = int(launch.engine.removeprefix("zero"))
    zero: dict[str, Any] = {"stage": stage, "offload_optimizer": place, "overlap_comm": True}
    if stage == 3:
        zero |= {"offload_param": place, "stage3_gather_16bit_weights_on_model_save": True}
    return {
        "bf16": {"enabled": bf16},
        "zero_optimization": zero,
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
    }
