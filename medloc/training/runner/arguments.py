"""How long a run trains, and the arguments of transformers' Trainer that all systems have in common."""

from pathlib import Path
from typing import Any

from medloc.models.load import resolve_device
from medloc.spec.launch import LaunchSettings
from medloc.spec.run import RunSpec, learning_rate
from medloc.spec.train import TrainSettings


def planned_steps(train: TrainSettings, images: int) -> int:
    """Return the optimizer steps of a run over `images` training images.

    Raises:
        ValueError: Fewer images than one step takes, or neither steps nor epochs given.
    """
    if images < train.prompts_per_step:
        raise ValueError(
            f"train.prompts_per_step={train.prompts_per_step} must not exceed the {images} training images; lower it."
        )
    per_epoch = images // train.prompts_per_step
    bounds = [train.max_steps, train.epochs * per_epoch if train.epochs else None]
    given = [bound for bound in bounds if bound is not None]
    if not given:
        raise ValueError("train.max_steps=null needs train.epochs; give one of them.")
    return min(given)


def table_step(train: TrainSettings, steps: int) -> int:
    """Return the step whose answers and weights a run of `steps` steps is judged by: `train.table_step`, or the last.

    The last one is taken as well where the run is shorter than `train.table_step`.
    """
    return steps if train.table_step is None else min(train.table_step, steps)


def common_arguments(settings: RunSpec, steps: int, folder: Path) -> dict[str, Any]:
    """Return what `TrainingArguments` and its descendants share: optimizer, length, checkpoints, device, engine."""
    train = settings.train
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "learning_rate": learning_rate(settings),
        "lr_scheduler_type": train.lr_scheduler,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "bf16": train.bf16,
        "gradient_checkpointing": train.gradient_checkpointing,
        "seed": settings.seed,
        "logging_steps": 1,  # the trace has one line per step
        "save_steps": max(1, steps // train.checkpoints),
        "save_total_limit": train.keep_checkpoints,
        "use_cpu": resolve_device(settings.device).type == "cpu",
        "report_to": "none",
        "disable_tqdm": True,
        **optimizer_arguments(train),
        **engine_arguments(settings),
    }


def optimizer_arguments(train: TrainSettings) -> dict[str, Any]:
    """Return `train.optimizer` as `TrainingArguments` takes it; nothing for `adamw`, which is transformers' default.

    Both others are torchao's AdamW8bit (blockwise 8-bit moments, arXiv:2110.02861). It computes a step in float32
    and, for bfloat16 weights, rounds the result up or down with the probability that makes it right on average.
    """
    if train.optimizer == "adamw":
        return {}
    rounded = {"optim_args": "bf16_stochastic_round=True"} if train.optimizer == "adamw_bf16" else {}
    return {"optim": "adamw_torch_8bit", **rounded}


def engine_arguments(settings: RunSpec) -> dict[str, Any]:
    """Return how processes share the work, as `TrainingArguments` takes it; nothing for a single process."""
    launch = settings.launch
    if launch.engine is None:
        return {}
    arguments: dict[str, Any] = {"ddp_timeout": launch.timeout_s}
    if launch.engine == "fsdp2":
        arguments |= {"fsdp": True, "fsdp_config": _fsdp_config(launch)}
    if launch.engine in ("zero2", "zero3"):
        arguments["deepspeed"] = _zero_config(launch, settings.train.bf16)
    return arguments


def _fsdp_config(launch: LaunchSettings) -> dict[str, Any]:
    """Return FSDP2's configuration: every transformer layer is a shard, and each process saves its own."""
    return {
        "version": 2,
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "reshard_after_forward": True,
        "cpu_offload": launch.offload,
        "state_dict_type": "SHARDED_STATE_DICT",  # of checkpoints; the trained model is written whole
    }


def _zero_config(launch: LaunchSettings, bf16: bool) -> dict[str, Any]:
    """Return DeepSpeed's configuration, as TRL ships it; it keeps float32 masters of bfloat16 weights itself."""
    place = {"device": "cpu", "pin_memory": True} if launch.offload else {"device": "none"}
    stage = 3 if launch.engine == "zero3" else 2
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
