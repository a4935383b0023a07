"""Start the processes of a launch: write the resolved configuration, run torchrun, and report how it ended.

There is one launcher for every engine. What distinguishes ddp from FSDP or ZeRO is in the trainer's arguments
(`medloc.training.runner.arguments`), so nothing depends on a configuration file of accelerate's.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import torch

from medloc.runs.store import read_record
from medloc.spec.compose import Job, write_job
from medloc.spec.launch import LaunchSettings
from medloc.spec.machine import CHECKOUT
from medloc.training.distributed.machines import watching_machines
from medloc.training.distributed.worker import JOB, OUTCOME
from medloc.training.runner.machine import Stopped
from medloc.training.runner.runner import Close, Outcome, run_job

WARNING = re.compile(r"(\[rank\d+\]:)?\[?[WI]\d{4} ")
FAILURE = re.compile(r"E\d{4} ")
"""How torch's own lines begin: a letter, month and day."""
EXIT_CODE = re.compile(r"exitcode\s*: (-?\d+)")  # in torchrun's report, the first failure last
ERROR_FILE = "error.json"  # torch elastic's name for what `record` writes
USER_ERRORS = ("ValueError: ", "OSError: ")
WORLD_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # as accelerate reads them


def do_job(
    job: Job, *, say: Callable[[str], object] = lambda line: None, wait: bool = False, close: Close | None = None
) -> Outcome:
    """Do one run in this process or in those that its launch asks for, which wait for a run that others are making.

    Args:
        job: The run.
        say: Called with a line on what a step is.
        wait: As `run_job` takes it.
        close: Likewise, where this process makes the run itself.

    Raises:
        ValueError: There are fewer GPUs than processes, torchrun started this process, or the run ended with an
            error; the message is the worker's.
    """
    launch = job.settings.launch
    check_environment(launch, os.environ)
    if launch.engine is None:
        return run_job(job, say=say, wait=wait, close=close)
    check_gpus(launch, job.settings.device)
    with TemporaryDirectory(prefix="medloc-") as name:
        folder = Path(name)
        write_job(folder / JOB, job)
        code, before, report = _watched(worker_command(launch, folder), launch)
        if code or not (folder / OUTCOME).exists():
            raise ValueError(_reason(folder, code, before, report))
        return _outcome(folder)


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
        single = launch.engine is None  # torchrun sets its own for the workers
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


def worker_command(launch: LaunchSettings, folder: Path) -> list[str]:
    """Return torchrun's command line for the workers of this machine."""
    assert launch.engine is not None
    where = ["--standalone"]
    if launch.machines > 1:
        where = [
            f"--nnodes={launch.machines}",
            f"--node-rank={launch.machine}",
            f"--master-addr={launch.address or 'localhost'}",
            f"--master-port={launch.port}",
        ]
    torchrun = [sys.executable, "-m", "torch.distributed.run", *where, f"--nproc-per-node={launch.processes}"]
    torchrun.append(f"--log-dir={folder}")  # each worker's error file lies below it
    return [*torchrun, "-m", "medloc.training.distributed.worker", str(folder)]


def _watched(command: list[str], launch: LaunchSettings) -> tuple[int, str, str]:
    """Run the command to its end and hand a SIGTERM for this process on.

    What workers print goes to the terminal as it comes. torchrun's report of a failure does not: the reason is in a
    file.

    Returns:
        The exit code, the last line on standard error before torchrun's report ("" = none), and the report.

    Raises:
        Stopped: SIGTERM came.
        ValueError: Another machine vanished; naming it.
    """
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    last = ""
    report: list[str] = []
    lost: list[str] = []
    with (
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process,
        _handing_on(process) as asked,
        watching_machines(launch, lambda line: (lost.append(line), _kill_workers(process))),
    ):
        assert process.stderr is not None
        for line in process.stderr:
            if report or FAILURE.match(line):
                report.append(line)
            elif not WARNING.match(line):
                print(line, end="", file=sys.stderr, flush=True)
                last = line.strip() or last
    if asked and process.returncode:
        raise Stopped
    if lost:
        raise ValueError(lost[0])
    return process.returncode, last, "".join(report)


def _kill_workers(process: subprocess.Popen) -> None:
    """Kill torchrun's workers, which wait in a collective and hear no other signal; torchrun then ends."""
    with suppress(psutil.NoSuchProcess):
        for worker in psutil.Process(process.pid).children(recursive=True):
            worker.kill()


@contextmanager
def _handing_on(process: subprocess.Popen) -> Iterator[list[int]]:
    """Pass SIGTERM on to `process`; yield the list of those that came."""
    asked: list[int] = []

    def hand_on(number: int, _: object) -> None:
        asked.append(number)
        process.terminate()

    try:
        before = signal.signal(signal.SIGTERM, hand_on)
    except ValueError:  # not the main thread, which alone may handle signals
        yield asked
        return
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


def _reason(folder: Path, code: int, last: str, report: str) -> str:
    """Return why the first worker failed: its own error, the signal that killed it, or its last words.

    The stack of an error that is not a user's mistake is printed.
    """
    files = sorted(folder.rglob(ERROR_FILE), key=lambda path: path.stat().st_mtime_ns)
    if files:
        error = json.loads(files[0].read_text(encoding="utf-8"))["message"]
        text: str = error["message"]
        for kind in USER_ERRORS:
            if text.startswith(kind):
                return " ".join(text.removeprefix(kind).split())
        print(error["extraInfo"]["py_callstack"], file=sys.stderr)
        return " ".join(text.split())
    codes = EXIT_CODE.findall(report)
    code = int(codes[-1]) if codes else code
    if code == -signal.SIGKILL:
        return "a worker of the run was ended by SIGKILL: killed, or out of memory; the same command goes on."
    if code < 0:
        return f"a worker of the run was ended by {signal.Signals(-code).name}; the same command goes on."
    return f"a worker of the run ended with exit status {code}: {last or report.strip()[-300:] or 'it said nothing'}"


def _outcome(folder: Path) -> Outcome:
    said = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
    where = Path(said["folder"])
    images = {name: Path(path) for name, path in said["images"].items()}
    return Outcome(where, read_record(where / "record.json"), said["fresh"], images, tuple(said["notes"]))
