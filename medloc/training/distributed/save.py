"""Save a model whose weights lie in shards on several processes."""

from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from medloc.models.base import save_base
from medloc.spec.launch import engine
from medloc.spec.run import Settings
from medloc.training.distributed.ranks import barrier, is_main_process


def save_whole(
    model: Any, processor: Any, folder: Path, settings: Settings, weights: dict[str, Any] | None = None
) -> None:
    """Save model and processor once, whatever the launch. Every process has to call it.

    Args:
        model: The model, whole or in shards.
        processor: Its processor.
        folder: Where they go, in the `save_pretrained` layout.
        settings: The run's settings.
        weights: Saved in the place of the model's own; only where it is not in shards.
    """
    kind = engine(settings.launch)
    if kind == "fsdp2":
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        shards = get_model_state_dict(model, options=options)  # tied weights once under each of their names
        once = {name: weight for name, weight in shards.items() if name not in model.all_tied_weights_keys}
        if is_main_process():
            save_base(model, processor, folder, once)
    elif kind == "zero3":
        import deepspeed  # its `zero` is an attribute, not a module

        with deepspeed.zero.GatheredParameters(list(model.parameters())):
            if is_main_process():
                save_base(model, processor, folder)
    elif is_main_process():
        save_base(model, processor, folder, weights)
    barrier()
