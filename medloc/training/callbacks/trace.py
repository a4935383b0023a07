"""`trace.jsonl`: one line per optimizer step, equal byte for byte between equal runs; wall times lie beside it."""

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from transformers import TrainerCallback

from medloc.rewards import is_dead
from medloc.runs.atomic import write_text
from medloc.training.distributed.ranks import is_main_process
from medloc.training.grpo.trainer import Observation

HIT = 0.5  # the IoU at which groups of every method alike are called all-miss, all-hit or mixed
FROM_LOGS = ("kl", "entropy", "loss", "grad_norm")
NOTHING_SEEN: dict[str, Any] = {  # what a system that samples no completions has to say of them
    **dict.fromkeys(("ious", "tau_used", "tau", "mean_reward", "reward_std", "iou_margin")),
    "updated": False,
    **dict.fromkeys(("reward", "dead", "redrawn", "revived", "all_miss", "all_hit", "mixed", "parse_rate")),
}


def trace_line(step: int, seen: Observation | None, logs: dict[str, Any]) -> dict[str, Any]:
    """Returns the trace's entry for one optimizer step (the contract of docs/formats.md).

    Args:
        step: the optimizer step, from 1.
        seen: its completions; None under a system that samples none, whose entry has the same names with null.
        logs: what the trainer logged.
    """
    logged = {name: _finite(logs.get(name)) for name in FROM_LOGS}
    if "grad_norm" in logs and logged["grad_norm"] is None:
        logged["loss"] = None  # the step was left out, and what the trainer logs in its place is made up
    return {
        "step": step,
        **(_observed(seen) if seen else NOTHING_SEEN),
        "completion_length": logs.get("completions/mean_length"),
        **logged,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _observed(seen: Observation) -> dict[str, Any]:
    decision = seen.decision
    hits = [sum(iou >= HIT for iou in group) for group in seen.ious]
    size, groups = len(seen.ious[0]), len(seen.ious)
    flat = [reward for group in seen.rewards for reward in group]
    return {
        "ious": seen.ious,
        "tau_used": seen.tau_used,
        "tau": decision.tau if decision else seen.tau_used,
        "mean_reward": decision.mean_reward if decision else None,
        "reward_std": decision.reward_std if decision else None,
        "iou_margin": decision.iou_margin if decision else None,
        "updated": bool(decision and decision.updated),
        "reward": sum(flat) / len(flat),
        "dead": sum(map(is_dead, seen.rewards)) / groups,
        "redrawn": seen.redrawn,
        "revived": seen.revived,
        "all_miss": hits.count(0) / groups,
        "all_hit": hits.count(size) / groups,
        "mixed": sum(0 < count < size for count in hits) / groups,
        "parse_rate": seen.parsed,
    }


class TraceWriter(TrainerCallback):
    """Joins what the curriculum saw, if there were completions to see, with what the step logged; appends the line.

    Of several processes the first one writes.

    Args:
        folder: the run's folder; `trace.jsonl` and `timings.jsonl` are written there.
        resume_step: lines after this optimizer step are dropped: the resumed run writes them again.
    """

    def __init__(self, folder: Path, resume_step: int):
        self.trace: TextIO
        self.timings: TextIO
        paths = [folder / name if is_main_process() else Path(os.devnull) for name in ("trace.jsonl", "timings.jsonl")]
        for path in paths if is_main_process() else []:
            keep_until(path, resume_step)
        self.trace, self.timings = (path.open("a", encoding="utf-8") for path in paths)
        self.seen: Observation | None = None
        self.last: dict[str, Any] = {}
        self.seconds, self.started = 0.0, 0.0

    def observe(self, seen: Observation) -> None:
        """Keeps what the step's completions looked like until its log arrives."""
        self.seen = seen

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.seconds = time.perf_counter() - self.started

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs is None or "loss" not in logs:
            return
        self.last = trace_line(state.global_step, self.seen, logs)
        if not os.fstat(self.trace.fileno()).st_nlink:
            raise OSError(f"{self.trace.name} was deleted while its run was writing it; the same command starts anew.")
        _append(self.trace, self.last)
        _append(self.timings, {"step": state.global_step, "seconds": round(self.seconds, 4)})
        self.seen = None

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.trace.close()
        self.timings.close()


def keep_until(path: Path, step: int) -> None:
    """Drops a JSON-lines file's entries after optimizer step `step`, and a torn last line."""
    if path.exists():
        write_text(path, "".join(line for line, its_step in _steps_of(path) if its_step <= step))


def traced_steps(folder: Path) -> int:
    """Returns how many optimizer steps, from the first on, `folder/trace.jsonl` has every line of."""
    path = folder / "trace.jsonl"
    steps = [step for _, step in _steps_of(path)] if path.exists() else []
    return next((place for place, step in enumerate(steps) if step != place + 1), len(steps))


def _steps_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yields every whole line with its optimizer step, up to the first that is damaged: what follows is not known."""
    for line in path.read_bytes().decode("utf-8", "replace").splitlines(keepends=True):
        try:
            step = json.loads(line)["step"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if not line.endswith("\n") or type(step) is not int:
            return
        yield line, step


def _append(file: TextIO, entry: dict[str, Any]) -> None:
    file.write(json.dumps(entry, allow_nan=False) + "\n")
    file.flush()


def median_step(folder: Path) -> float:
    """Returns the median wall time of an optimizer step, in seconds, from `folder/timings.jsonl`."""
    seconds = sorted(json.loads(line)["seconds"] for line in (folder / "timings.jsonl").open(encoding="utf-8"))
    return float(seconds[len(seconds) // 2])
