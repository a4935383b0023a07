"""Notice within half a minute that another machine of a launch has vanished.

A collective waits `launch.timeout_s` for a process that is gone, since a cut cable sends nothing. The launching process
of every machine therefore counts up in a store that machine 0 holds, and reads the counts of the others.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from torch.distributed import DistError, TCPStore

from medloc.spec.launch import LaunchSettings

INTERVAL_S = 2.0
"""Seconds between two counts."""
LOST_AFTER_S = 20.0
"""Seconds without a new count after which a machine is lost."""
STORE_PORT = 1
"""The store's port lies this far above `launch.port`, which torchrun uses itself."""


@contextmanager
def watching_machines(launch: LaunchSettings, on_lost: Callable[[str], object]) -> Iterator[None]:
    """Watch the other machines while the block runs. With one machine nothing is done.

    Args:
        launch: The launch of this machine.
        on_lost: Called once, from another thread, with a line that names the machine which vanished.
    """
    if launch.machines == 1:
        yield
        return
    ended = threading.Event()
    watch = _Watch(launch, ended)
    for work in (watch.count, lambda: watch.look(on_lost)):
        threading.Thread(target=work, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        watch.leave()


class _Watch:
    """The counts of all machines, as this one sees them; calls of the store may hang, so that two threads share it."""

    def __init__(self, launch: LaunchSettings, ended: threading.Event):
        self.launch, self.ended = launch, ended
        self.store: Any = None
        self.names = {0: f"machine 0 ({launch.address})"}
        self.seen: dict[int, tuple[bytes, float]] = {}
        self.round = time.monotonic()  # when the store last answered
        self.left: set[int] = set()

    def count(self) -> None:
        """Count up in the store and read the others' counts, until the block ends."""
        launch = self.launch
        try:
            self.store = TCPStore(
                str(launch.address),
                launch.port + STORE_PORT,
                is_master=launch.machine == 0,
                timeout=timedelta(seconds=launch.timeout_s),
                wait_for_workers=False,
            )
            number = 0
            while not self.ended.wait(INTERVAL_S if number else 0):
                number += 1
                self.store.set(f"{launch.machine}", f"{socket.gethostname()} {number}")
                for machine in range(launch.machines):
                    if machine != launch.machine and self.store.check([f"{machine}"]):
                        self._take(machine, self.store.get(f"{machine}"))
                self.round = time.monotonic()
        except (DistError, OSError):
            return  # the store is gone: `look` sees that no round is made any more

    def _take(self, machine: int, count: bytes) -> None:
        name, number = count.decode().rsplit(" ", 1)
        self.names[machine] = f"machine {machine} ({name})"
        if number == "left":
            self.left.add(machine)
        elif machine not in self.seen or self.seen[machine][0] != count:
            self.seen[machine] = (count, time.monotonic())

    def look(self, on_lost: Callable[[str], object]) -> None:
        """Call `on_lost` when a machine that was there has not counted for `LOST_AFTER_S`."""
        while not self.ended.wait(INTERVAL_S):
            now = time.monotonic()
            if not self.seen:  # nobody has come yet; torchrun waits for them
                continue
            silent = [machine for machine, (_, when) in self.seen.items() if now - when > LOST_AFTER_S]
            silent = [machine for machine in silent if machine not in self.left]
            if now - self.round > LOST_AFTER_S and self.launch.machine != 0 and 0 not in self.left:
                silent = [0]  # its store does not answer, so that nothing is known of the others
            if silent:
                names = ", ".join(self.names[machine] for machine in silent)
                on_lost(f"{names}: no answer for {LOST_AFTER_S:.0f} s; the same command on every machine goes on.")
                return

    def leave(self) -> None:
        """Tell the others that this machine has ended by itself."""
        if self.store is not None and time.monotonic() - self.round < LOST_AFTER_S:
            with suppress(DistError, OSError):
                self.store.set(f"{self.launch.machine}", f"{socket.gethostname()} left")
