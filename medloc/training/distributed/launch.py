"""Starting the processes of a launch: this one writes the resolved configuration, torchrun starts and watches the rest.

There is one launcher for every engine. What tells ddp from FSDP or ZeRO is in the trainer's arguments
(`medloc.training.distributed.engines`), so nothing depends on a configuration file of accelerate's.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from medloc.runs.store import read_record
from medloc.spec.compose import Job, write_job
from medloc.spec.launch import LaunchSettings
from medloc.spec.machine import CHECKOUT
from medloc.training.distributed.worker import JOB, OUTCOME
from medloc.training.runner.runner import Close, Outcome, run_job

WARNING = re.compile(r"(\[rank\d+\]:)?\[?[WI]\d{4} ")
FAILURE = re.compile(r"E\d{4} ")
"""How torch's own lines begin: a letter, month and day."""


def do_job(
    job: Job, *, say: Callable[[str], object] = lambda line: None, wait: bool = False, close: Close | None = None
) -> Outcome:
    """Does one run in this process or in those that its launch asks for, which wait for a run that others are making.

    Args:
        job: the run.
        say: is told what a step is.
        wait: as `run_job` takes it.
        close: likewise, where this process makes the run itself.

    Raises:
        ValueError: there are fewer GPUs than processes, or the run ended with an error; the message is the worker's.
    """
    launch = job.settings.launch
    if launch.engine is None:
        return run_job(job, say=say, wait=wait, close=close)
    check_gpus(launch, job.settings.device)
    with TemporaryDirectory(prefix="medloc-") as name:
        folder = Path(name)
        write_job(folder / JOB, job)
        code, last_words = _watched(worker_command(launch, folder))
        if code or not (folder / OUTCOME).exists():
            raise ValueError(_reason(folder, code, last_words))
        return _outcome(folder)


def check_gpus(launch: LaunchSettings, device: str) -> None:
    """Refuses more processes than this machine has GPUs.

    Raises:
        ValueError: naming both.
    """
    found = torch.cuda.device_count()
    if device != "cpu" and launch.processes > found:
        raise ValueError(
            f"launch.processes={launch.processes} must not exceed the {found} GPUs of this machine, one a process; "
            "lower it, or use launch=single" + (", or device=cpu for processor cores." if found == 0 else ".")
        )


def worker_command(launch: LaunchSettings, folder: Path) -> list[str]:
    """Returns torchrun's command line for the workers of this machine."""
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
    return [*torchrun, "-m", "medloc.training.distributed.worker", str(folder)]


def _watched(command: list[str]) -> tuple[int, list[str]]:
    """Runs the command to its end, a SIGTERM for this process handed on; returns its code and torchrun's last words.

    What workers say goes to the terminal as it comes; what torchrun says of a failure is kept back, for the reason is
    in a file.
    """
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    kept: list[str] = []
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process, _handing_on(process):
        assert process.stderr is not None
        for line in process.stderr:
            if kept or FAILURE.match(line):
                kept.append(line)
            elif not WARNING.match(line):
                print(line, end="", file=sys.stderr, flush=True)
    return process.returncode, kept


@contextmanager
def _handing_on(process: subprocess.Popen) -> Iterator[None]:
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    except ValueError:  # not the main thread: nobody can signal it either
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reason(folder: Path, code: int, last_words: list[str]) -> str:
    """Returns what the first worker to fail said; of one that died without a word, torchrun's report is printed."""
    said = sorted(folder.glob("error-*.txt"), key=lambda path: path.stat().st_mtime_ns)
    if said:
        return said[0].read_text(encoding="utf-8")
    print("".join(last_words), end="", file=sys.stderr)
    how = f"signal {-code}" if code < 0 else f"exit status {code}"
    return f"a worker of the run died without a word ({how}: killed, or out of memory); the same command goes on."


def _outcome(folder: Path) -> Outcome:
    said = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
    where = Path(said["folder"])
    images = {name: Path(path) for name, path in said["images"].items()}
    return Outcome(where, read_record(where / "record.json"), said["fresh"], images, tuple(said["notes"]))
