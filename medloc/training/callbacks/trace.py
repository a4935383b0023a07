"""`trace.jsonl`: one line per optimizer step, the same bytes for the same run; wall times go to `timings.jsonl`."""

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from transformers import TrainerCallback

from medloc.rewards import group_shares, is_dead
from medloc.runs.atomic import write_text
from medloc.training.distributed.ranks import is_main_process
from medloc.training.grpo.rule import Observation

HIT = 0.5
"""The IoU at which `all_miss`, `mixed` and `all_hit` count the groups of every method alike."""

FROM_LOGS = ("kl", "entropy", "loss", "grad_norm")
NOTHING_SEEN: dict[str, Any] = {  # the entries of a system that samples no completions
    **dict.fromkeys(("ious", "watched", "tau_used", "tau", "mean_reward", "reward_std", "iou_margin")),
    "updated": False,
    **dict.fromkeys(("reward", "dead", "redrawn", "revived", "all_miss", "all_hit", "mixed")),
    **dict.fromkeys(("all_miss_tau", "all_hit_tau", "parse_rate")),
}


def trace_line(step: int, seen: Observation | None, logs: dict[str, Any]) -> dict[str, Any]:
    """Return the trace's entry for one optimizer step (the contract of docs/formats.md).

    Args:
        step: the optimizer step, from 1.
        seen: its completions; None under a system that samples none, whose entry has the same names with null.
        logs: what the trainer logged.
    """
    logged = {name: _finite(logs.get(name)) for name in FROM_LOGS}
    if "grad_norm" in logs and logged["grad_norm"] is None:
        logged["loss"] = None  # the step was skipped; the trainer logs an invented loss
    return {
        "step": step,
        **(_observed(seen) if seen else NOTHING_SEEN),
        "completion_length": logs.get("completions/mean_length"),
        **logged,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _observed(seen: Observation) -> dict[str, Any]:
    decision, groups = seen.decision, len(seen.ious)
    flat = [reward for group in seen.rewards for reward in group]
    boxes = [box for group in seen.boxes for box in group]
    all_miss, mixed, all_hit = group_shares(_hits(seen, seen.ious, HIT))
    at_tau = None if seen.tau_used is None else group_shares(_hits(seen, seen.watched or seen.ious, seen.tau_used))
    return {
        "ious": seen.ious,
        "watched": seen.watched,
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
        "all_miss": all_miss,
        "all_hit": all_hit,
        "mixed": mixed,
        "all_miss_tau": at_tau and at_tau[0],
        "all_hit_tau": at_tau and at_tau[2],
        "parse_rate": sum(boxes) / len(boxes),
    }


def _hits(seen: Observation, values: list[list[float]], threshold: float) -> list[list[bool]]:
    """Return whether each completion has a box and reaches `threshold`, as Equation 3 counts a hit."""
    return [
        [box and value >= threshold for box, value in zip(boxes, group, strict=True)]
        for boxes, group in zip(seen.boxes, values, strict=True)
    ]


class TraceWriter(TrainerCallback):
    """Join what the curriculum saw of a step, if there were completions, with what the step logged; append the line.

    Only rank 0 writes.

    Args:
        folder: the run's folder; `trace.jsonl` and `timings.jsonl` are written there.
        resume_step: lines after this optimizer step are dropped; the resumed run writes them again.
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
        """Keep the observation until the step's log arrives."""
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
    """Drop a JSON-lines file's entries after optimizer step `step`, and a torn last line."""
    if path.exists():
        write_text(path, "".join(line for line, its_step in _steps_of(path) if its_step <= step))


def traced_steps(folder: Path) -> int:
    """Return how many optimizer steps, from the first on, `folder/trace.jsonl` has every line of."""
    path = folder / "trace.jsonl"
    steps = [step for _, step in _steps_of(path)] if path.exists() else []
    return next((place for place, step in enumerate(steps) if step != place + 1), len(steps))


def _steps_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every whole line with its optimizer step; stop at the first damaged line."""
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
    """Return the median wall time of an optimizer step, in seconds, from `folder/timings.jsonl`."""
    seconds = sorted(json.loads(line)["seconds"] for line in (folder / "timings.jsonl").open(encoding="utf-8"))
    return float(seconds[len(seconds) // 2])
