"""`python -m medloc.run` in a process of its own that starts in no time: forked from one that has imported torch.

Without that a hundred starts would take most of the half hour.
"""

import multiprocessing
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.moments import Moments
from tests.small import SMALL

PRELOADED = (
    *("medloc.run", "medloc.training.runner.runner", "medloc.training.systems.grpo", "medloc.training.systems.sft"),
    *("medloc.report.closing", "medloc.report.figures.run", "medloc.report.figures.gallery"),
    "tests.faults.process",
)
WINDOW = "window.size=2"  # so that six steps can raise the threshold
TIMEOUT = 900  # seconds: other work may have the machine
KILLED = -signal.SIGKILL

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(PRELOADED))


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (negative: the signal that killed it) and what it printed."""

    status: int
    out: str
    err: str


class Command:
    """A running `medloc.run` on a few phantoms, below `root`.

    Args:
        root: holds results and cache, and beside them what it prints.
        more: further overrides.
        stop: number of the file operation at which `act` happens; None for none.
        act: "kill" (SIGKILL to itself), "term" (SIGTERM to itself), "full" (the operation finds the disk full),
            "tell" (says so to the parent, which then does what it likes).
        largest: bytes a file may have (RLIMIT_FSIZE); None for no limit.
        environment: further variables.
        logs: where it prints to; by default `root`/logs.
    """

    def __init__(self, root, *more, stop=None, act="kill", largest=None, environment=None, logs=None):
        self.logs = Path(logs or Path(root) / "logs")
        self.logs.mkdir(parents=True, exist_ok=True)
        for name in ("out", "err"):
            (self.logs / name).write_text("")
        given = [*SMALL, f"results={root}/all/results", f"cache={root}/all/cache", *more]
        given.sort(key=lambda word: word != "-m")  # a flag stands first
        self.told, teller = _context.Pipe(duplex=False)
        self.process = _context.Process(
            target=_run, args=(Path(root), self.logs, given, stop, act, largest, environment or {}, teller)
        )
        self.process.start()
        teller.close()

    def when(self, found):
        """Waits until `found` holds; a file that is not there yet does not."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until and self.process.is_alive():
            with suppress(OSError):
                if found():
                    break
            time.sleep(0.005)
        assert self.process.is_alive(), "it ended before"

    def kill(self, after):
        """Kills it `after` seconds from the moment it tells of; earlier if it ends before."""
        if self.told.poll(TIMEOUT):
            time.sleep(after)
        self.process.kill()

    def wait(self):
        self.process.join(TIMEOUT)
        assert not self.process.is_alive(), "the command hangs"
        return Ended(self.process.exitcode, *((self.logs / name).read_text() for name in ("out", "err")))


def run(root, *more, **options):
    """Runs the command to its end."""
    return Command(root, *more, **options).wait()


def _run(root, logs, given, stop, act, largest, environment, teller):
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(logs / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    import medloc.run

    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    sys.argv = ["medloc.run", *given]
    if largest is None:  # else its own log would be the first to meet the limit
        Moments(root / "all", stop, lambda: ACTS[act](teller), logs / "moments").install()
    status = medloc.run.main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _full(teller):
    raise OSError(28, "No space left on device")


ACTS = {
    "kill": lambda teller: os.kill(os.getpid(), signal.SIGKILL),
    "term": lambda teller: os.kill(os.getpid(), signal.SIGTERM),
    "full": _full,
    "tell": lambda teller: teller.send(None),
}
