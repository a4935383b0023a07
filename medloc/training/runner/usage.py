"""Time and memory that a run takes, over all its attempts: a file in its folder carries them to the next one."""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import TrainerCallback

from medloc.runs.atomic import write_json

USAGE = "usage.json"  # in the folder of a run that is not complete
SAVE_EVERY = 10.0  # seconds; a killed process loses at most this much


@dataclass
class Spent:
    """What was spent on a run.

    Attributes:
        wall_s: Wall seconds, without loading data and model.
        train_s: Those of them that went to training, evaluations on the way included.
        peak_memory_mb: Largest resident memory of the process, in 10^6 bytes.
        peak_gpu_memory_mb: Largest memory allocated on a GPU, in 10^6 bytes; 0 where there is none.
    """

    wall_s: float = 0.0
    train_s: float = 0.0
    peak_memory_mb: float = 0.0
    peak_gpu_memory_mb: float = 0.0

    @classmethod
    def read(cls, path: Path) -> "Spent":
        """Return what earlier attempts spent; nothing where the file is missing or damaged."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: max(0.0, float(value)) for name, value in values.items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return cls()


class Usage(TrainerCallback):
    """Adds this attempt, which begins with the construction, to what earlier ones spent.

    Args:
        folder: The run's folder.
        keep: Whether this process writes the file.
    """

    def __init__(self, folder: Path, keep: bool):
        self.path, self.keep = folder / USAGE, keep
        self.before = Spent.read(self.path)
        self.training_since: float | None = None
        self.trained = 0.0
        self.began = self.saved = time.perf_counter()
        self.memory = PeakMemory()

    def spent(self) -> Spent:
        """Return what all attempts spent up to now."""
        now = time.perf_counter()
        running = 0.0 if self.training_since is None else now - self.training_since
        gpu = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0
        return Spent(
            round(self.before.wall_s + now - self.began, 2),
            round(self.before.train_s + self.trained + running, 2),
            max(self.before.peak_memory_mb, round(self.memory.peak_mb(), 1)),
            max(self.before.peak_gpu_memory_mb, round(gpu, 1)),
        )

    def training(self, runs: bool) -> None:
        """Note that training begins or ends."""
        if self.training_since is not None:
            self.trained += time.perf_counter() - self.training_since
        self.training_since = time.perf_counter() if runs else None

    def save(self) -> None:
        """Write the file; a full disk does not end the run here."""
        if self.keep and self.path.parent.is_dir():
            with suppress(OSError):
                write_json(self.path, asdict(self.spent()))
        self.saved = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.memory.sample()
        if time.perf_counter() - self.saved > SAVE_EVERY:
            self.save()


class PeakMemory:
    """The largest resident memory of this process since construction, in 10^6 bytes.

    Linux keeps a mark and can reset it (proc(5), VmHWM). Elsewhere the largest sample counts, one a step.
    """

    def __init__(self) -> None:
        self.process, self.largest, self.reset = psutil.Process(), 0.0, False
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            self.reset = True
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self.sample()

    def sample(self) -> None:
        """Look at the present memory."""
        self.largest = max(self.largest, self.process.memory_info().rss / 1e6)

    def peak_mb(self) -> float:
        """Return the peak."""
        self.sample()
        if self.reset:
            status = Path("/proc/self/status").read_text().partition("VmHWM:")[2]
            self.largest = max(self.largest, int(status.split()[0]) * 1024 / 1e6)
        return self.largest
