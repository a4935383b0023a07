"""The weights of a model that lies in pieces on several processes, put together to be saved."""

from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from medloc.models.load import save_base
from medloc.spec.run import RunSpec
from medloc.training.distributed.ranks import first, meet


def save_whole(model: Any, processor: Any, folder: Path, settings: RunSpec) -> None:
    """Saves model and processor once, whatever the launch; every process has to call it."""
    kind = settings.launch.engine
    if kind == "fsdp2":
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        weights = get_model_state_dict(model, options=options)  # tied weights once under each of their names
        once = {name: weight for name, weight in weights.items() if name not in model.all_tied_weights_keys}
        if first():
            save_base(model, processor, folder, once)
    elif kind == "zero3":
        import deepspeed  # its `zero` is an attribute, not a module

        with deepspeed.zero.GatheredParameters(list(model.parameters())):
            if first():
                save_base(model, processor, folder)
    elif first():
        save_base(model, processor, folder)
    meet()
