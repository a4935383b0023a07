"""Schemas of the `launch` group, and the checks of processes against batches, devices and each other."""

from dataclasses import dataclass

from omegaconf import MISSING

ENGINES = ("ddp", "fsdp2", "zero2", "zero3")
ON_PROCESSORS = ("ddp",)
"""Engines that also run without GPUs; accelerate would silently take ddp for fsdp2 there."""


@dataclass
class LaunchSettings:
    """One process; every other launch adds to it."""

    name: str = MISSING


@dataclass
class ProcessesSettings(LaunchSettings):
    """Several processes of one machine; keys are explained in `conf/launch/*.yaml`."""

    engine: str = MISSING
    processes: int = MISSING
    offload: bool = MISSING
    timeout_s: int = MISSING


@dataclass
class MachinesSettings(ProcessesSettings):
    """Several machines."""

    machines: int = MISSING
    machine: int = MISSING
    address: str | None = MISSING
    port: int = MISSING


SCHEMAS: dict[tuple[str, str], type] = {
    ("launch", "launch_schema"): LaunchSettings,
    ("launch", "processes_schema"): ProcessesSettings,
    ("launch", "machines_schema"): MachinesSettings,
}
"""(config group, schema name) -> the class that types it."""


def processes_here(launch: LaunchSettings) -> int:
    """Return the number of processes on this machine."""
    return launch.processes if isinstance(launch, ProcessesSettings) else 1


def world_size(launch: LaunchSettings) -> int:
    """Return the number of processes that train together."""
    return processes_here(launch) * (launch.machines if isinstance(launch, MachinesSettings) else 1)


def engine(launch: LaunchSettings) -> str | None:
    """Return how processes share the work; None where there is one."""
    return launch.engine if isinstance(launch, ProcessesSettings) else None


def check_launch(launch: LaunchSettings, device: str) -> None:
    """Check the values of the group on their own and against the device.

    Raises:
        ValueError: naming the key, the rule and the remedy.
    """
    if not isinstance(launch, ProcessesSettings):
        return
    if launch.engine not in ENGINES:
        raise ValueError(f"launch.engine={launch.engine} is not known; use one of {', '.join(ENGINES)}.")
    for key in ("processes", "timeout_s", *(("machines",) if isinstance(launch, MachinesSettings) else ())):
        if getattr(launch, key) < 1:
            raise ValueError(f"launch.{key}={getattr(launch, key)} must be at least 1.")
    if device == "cpu" and launch.engine not in ON_PROCESSORS:
        raise ValueError(f"launch.engine={launch.engine} needs GPUs; drop device=cpu, or use launch=ddp.")
    if launch.offload and launch.engine == "ddp":
        raise ValueError("launch.offload=true needs launch=zero2, zero3 or fsdp2; ddp keeps everything on each GPU.")
    if isinstance(launch, MachinesSettings):
        if not 0 <= launch.machine < launch.machines:
            raise ValueError(
                f"launch.machine={launch.machine} must be 0 to launch.machines - 1 = {launch.machines - 1}; give every "
                "machine its own number."
            )
        if launch.machines > 1 and launch.address is None:
            raise ValueError("launch.address=null: name the machine with launch.machine=0, as the others reach it.")
