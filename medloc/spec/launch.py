"""The `launch` group: how many processes train together, and how they share the work."""

from dataclasses import dataclass

from medloc.spec.fields import refuse_changed, setting

ENGINES = ("ddp", "fsdp2", "zero2", "zero3")
WITHOUT_GPU = ("ddp",)
"""Engines that also run on processor cores; there accelerate would silently use ddp in the place of fsdp2."""


@dataclass
class LaunchSettings:
    """Processes and machines; the keys are explained in `conf/launch/*.yaml`. The defaults are those of one process."""

    name: str = setting(affects="results")
    engine: str | None = setting(affects="results", default=None, one_of=ENGINES)
    processes: int = setting(affects="results", default=1, at_least=1)
    offload: bool = setting(affects="speed", default=False)
    timeout_s: int = setting(affects="place", default=1800, at_least=1)
    machines: int = setting(affects="results", default=1, at_least=1)
    machine: int = setting(affects="place", default=0, at_least=0)
    address: str | None = setting(affects="place", default=None)
    port: int = setting(affects="place", default=29500, at_least=1, at_most=65535)


def world_size(launch: LaunchSettings) -> int:
    """Return the number of processes that train together, on all machines."""
    return launch.processes * launch.machines


def check_launch(launch: LaunchSettings, device: str) -> None:
    """Check the values of the group on their own and against the device.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    if launch.engine is None:
        refuse_changed(launch, "launch", "use launch=ddp")
        return
    if device == "cpu" and launch.engine not in WITHOUT_GPU:
        raise ValueError(f"launch.engine={launch.engine} needs GPUs; drop device=cpu, or use launch=ddp.")
    if launch.offload and launch.engine == "ddp":
        raise ValueError("launch.offload=true needs launch=zero2, zero3 or fsdp2; ddp keeps everything on each GPU.")
    if launch.machine >= launch.machines:
        raise ValueError(
            f"launch.machine={launch.machine} must be 0 to launch.machines - 1 = {launch.machines - 1}; give every "
            "machine its own number."
        )
    if launch.machines > 1 and launch.address is None:
        raise ValueError("launch.address=null: name the machine with launch.machine=0, as the others reach it.")
