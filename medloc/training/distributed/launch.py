"""Start the processes of a launch with torch elastic, hand them the composed run, and report how it ended.

There is one launcher for every engine. What distinguishes ddp from FSDP or ZeRO is in the trainer's arguments
(`medloc.training.runner.arguments`), so nothing depends on a configuration file of accelerate's.
"""

import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure, record
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.launcher import LaunchConfig, elastic_launch

from medloc.spec.compose import Job
from medloc.spec.launch import LaunchSettings
from medloc.training.distributed.machines import watching_machines
from medloc.training.runner.machine import Stopped

if TYPE_CHECKING:
    from medloc.training.runner.runner import Close, Outcome

ERROR_FILE = "error.json"  # torch elastic's name for what `record` writes
USER_ERROR = "ValueError: "
FAILED = 2  # exit status of a worker whose error is recorded
WORLD_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # as accelerate reads them


def do_job(
    job: Job, *, say: Callable[[str], object] = lambda line: None, wait: bool = False, close: "Close | None" = None
) -> "Outcome":
    """Do one run in this process or in those that its launch asks for, which wait for a run that others are making.

    Args:
        job: The run.
        say: Called with a line on what a step is.
        wait: As `run_job` takes it.
        close: Likewise, where this process makes the run itself.

    Raises:
        ValueError: There are fewer GPUs than processes, torchrun started this process, another machine vanished, or
            the run ended with an error; the message is then the worker's.
        Stopped: SIGTERM came; the workers have got it too.
    """
    from medloc.training.runner.runner import run_job

    launch = job.settings.launch
    check_environment(launch, os.environ)
    if launch.engine is None:
        return run_job(job, say=say, wait=wait, close=close)
    check_gpus(launch, job.settings.device)
    lost: list[str] = []
    with TemporaryDirectory(prefix="medloc-") as folder, _quiet_agent():
        try:
            with watching_machines(launch, lambda line: _give_up(lost, line)):
                outcomes = elastic_launch(_elastic_config(launch, folder), worker)(job)
        except ChildFailedError as error:
            raise ValueError(lost[0] if lost else _reason(Path(folder), error.get_first_failure()[1])) from None
        except SignalException:
            raise Stopped from None
        except (RendezvousError, torch.distributed.DistError) as error:
            said = " ".join(str(error).split())
            raise ValueError(f"launch={launch.name}: the machines have not met: {said}; see launch.address.") from error
    outcome: Outcome = outcomes[min(outcomes)]
    return outcome


def check_environment(launch: LaunchSettings, environment: Mapping[str, str]) -> None:
    """Refuse to run inside torchrun or MPI: accelerate would wait for the other processes, which wait for the claim.

    Raises:
        ValueError: One line that names `launch=ddp`.
    """
    found = [name for name in WORLD_SIZES if _number(environment.get(name)) > 1]
    if _number(environment.get("LOCAL_RANK")) >= 0:
        found.append("LOCAL_RANK")
    if "TORCHELASTIC_RUN_ID" in environment:
        found, single = ["TORCHELASTIC_RUN_ID", *found], True
    else:
        single = launch.engine is None  # the workers get their own
    if found and single:
        raise ValueError(
            f"launch={launch.name}: the environment has {', '.join(found)}, as under torchrun; medloc starts its "
            "processes itself: `python -m medloc.run launch=ddp launch.processes=N`, or unset these variables."
        )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


def check_gpus(launch: LaunchSettings, device: str) -> None:
    """Refuse more processes than this machine has GPUs.

    Raises:
        ValueError: Naming both.
    """
    found = torch.cuda.device_count()
    if device != "cpu" and launch.processes > found:
        raise ValueError(
            f"launch.processes={launch.processes} must not exceed the {found} GPUs of this machine, one a process; "
            "lower it, or use launch=single" + (", or device=cpu for processor cores." if found == 0 else ".")
        )


def worker(job: Job) -> "Outcome":
    """Do one process's part of a run; torch elastic calls it in each process, and never a user.

    An error is recorded for the launcher, a user's mistake as a ValueError. The process then leaves at once: the
    others wait in a collective, and torch elastic ends them.
    """
    try:
        return record(_work)(job)
    except Exception:
        sys.stdout.flush()
        os._exit(FAILED)


def _work(job: Job) -> "Outcome":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=UserWarning, module="torch.distributed")
    from accelerate import PartialState  # read the process's rank; a failing import is recorded too

    from medloc.training.runner.runner import run_job

    try:
        timeout = timedelta(seconds=job.settings.launch.timeout_s)
        PartialState(cpu=job.settings.device == "cpu", timeout=timeout)
        outcome = run_job(job, say=lambda line: print(line, flush=True), wait=True)
    except (ValueError, OSError) as error:
        raise ValueError(str(error)) from error
    PartialState().destroy_process_group()
    return outcome


def _elastic_config(launch: LaunchSettings, folder: str) -> LaunchConfig:
    """Return torch elastic's configuration for the workers of this machine; their error files lie below `folder`."""
    where = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": uuid.uuid4().hex}
    if launch.machines > 1:
        endpoint = f"{launch.address or 'localhost'}:{launch.port}"
        where = {"rdzv_backend": "static", "rdzv_endpoint": endpoint, "run_id": "medloc"}
    return LaunchConfig(
        min_nodes=launch.machines,
        max_nodes=launch.machines,
        nproc_per_node=launch.processes,
        max_restarts=0,
        rdzv_configs={"rank": launch.machine} if launch.machines > 1 else {},
        logs_specs=DefaultLogsSpecs(log_dir=folder),
        signals_to_handle="SIGTERM",
        **where,
    )


def _give_up(lost: list[str], line: str) -> None:
    """Note why, and kill this machine's workers: they wait in a collective and hear no other signal."""
    lost.append(line)
    for process in multiprocessing.active_children():
        process.kill()


@contextmanager
def _quiet_agent() -> Iterator[None]:
    """Keep torch's reports of a failure off the terminal, and put our handler of SIGTERM back afterwards."""
    handler, level = signal.getsignal(signal.SIGTERM), os.environ.get("TORCH_CPP_LOG_LEVEL")
    os.environ["TORCH_CPP_LOG_LEVEL"] = level or "ERROR"
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        if level is None:
            del os.environ["TORCH_CPP_LOG_LEVEL"]
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _reason(folder: Path, failure: ProcessFailure) -> str:
    """Return why the first worker failed: its own error, the signal that killed it, or its exit status.

    The stack of an error that is not a user's mistake is printed.
    """
    files = sorted(folder.rglob(ERROR_FILE), key=lambda path: path.stat().st_mtime_ns)
    if files:
        error = json.loads(files[0].read_text(encoding="utf-8"))["message"]
        text: str = error["message"]
        if not text.startswith(USER_ERROR):
            print(error["extraInfo"]["py_callstack"], file=sys.stderr)
        return " ".join(text.removeprefix(USER_ERROR).split())
    if failure.exitcode == -signal.SIGKILL:
        return "a worker of the run was ended by SIGKILL: killed, or out of memory; the same command goes on."
    if failure.exitcode < 0:
        return f"a worker of the run was ended by {failure.signal_name()}; the same command goes on."
    return f"a worker of the run ended with exit status {failure.exitcode}, and recorded no error."
