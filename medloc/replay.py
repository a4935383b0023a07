"""`python -m medloc.replay`: feed the IoUs that a run recorded to another curriculum, without training."""

import json
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from medloc.cli import entry
from medloc.curriculum import Curriculum, checked_groups
from medloc.runs import bounded_lines

HELP = """\
python -m medloc.replay TRACE [KEY=VALUE ...]

What would another curriculum have done with the answers a run recorded? Reads `step` and `ious` from each
line of a trace.jsonl (`-` reads standard input), or in the place of `ious` what the run's curriculum watched
(`watched`, where it is not IoU), feeds them to the curriculum that the settings describe, and prints one JSON
line per step: step, ious, tau_used, tau, mean_reward, reward_std, iou_margin, updated.
No model, no data, no training. Settings start from the defaults in conf/, not from the run's own.

  python -m medloc.replay results/runs/KEY/trace.jsonl schedule=cosine window.size=20

  schedule=piecewise|linear|cosine|identical|fixed|median    schedule.tau0= .tau_target= .deltas= .boundaries= ...
  criteria=full|no_reward|no_margin|no_stability|only_reward|only_margin|only_stability  criteria.margin=
  strategy=adaptive|fixed_aggressive|fixed_moderate|fixed_conservative     strategy.P= .S= .boundaries=
  window.size=30    window.refresh=half|quarter|full|none    window.unit=step|group

A line that cannot be used, or a step that does not come after the one before, ends the replay with status 2.
"""
FIELDS = ("tau_used", "tau", "mean_reward", "reward_std", "iou_margin", "updated")


@entry("replay")
def main(arguments: list[str]) -> int:
    """Run the command and return its exit status: 0, or 2 for a user's mistake."""
    if not arguments or "--help" in arguments or "-h" in arguments:
        print(HELP, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    from medloc.spec.compose import compose_curriculum  # Hydra is imported here, not for --help

    trace, *overrides = arguments
    name = "standard input" if trace == "-" else Path(trace).name
    with _opened(trace) as file:
        replay(bounded_lines(file, name), compose_curriculum(overrides), name)
    return 0


def replay(lines: Iterable[bytes], curriculum: Curriculum, name: str) -> None:
    """Print one JSON line for every line of a trace, each as soon as it is known.

    Args:
        lines: the lines of a trace.jsonl.
        curriculum: what the recorded IoUs are fed to.
        name: what to call the trace in an error.

    Raises:
        ValueError: a line cannot be used; names it by its number.
    """
    before: int | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _recorded(line, before)
            decision = curriculum.observe(row.get("watched", row["ious"]))
        except ValueError as mistake:
            raise ValueError(f"{name} line {number}: {mistake}") from None
        before = row["step"]
        print(json.dumps(row | {field: getattr(decision, field) for field in FIELDS}), flush=True)


def _recorded(line: bytes, before: int | None) -> dict[str, Any]:
    """Return `step`, `ious` and, where it is not null, `watched` of a line; `before` is the step of the line before."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON; is the line cut off?") from None
    if not isinstance(row, dict) or not {"step", "ious"} <= row.keys():
        raise ValueError("must be a JSON object with `step` and `ious`; is this a trace.jsonl?")
    step = row["step"]
    if not isinstance(step, int) or isinstance(step, bool):
        raise ValueError(f"step={step!r} must be a whole number.")
    if before is not None and step <= before:
        raise ValueError(f"step={step} must come after step {before}, the one before; a trace has each step once.")
    found = {"step": step, "ious": _groups(row, "ious")}
    return found if row.get("watched") is None else found | {"watched": _groups(row, "watched")}


def _groups(row: dict[str, Any], name: str) -> list[list[float]]:
    if not isinstance(row[name], list):
        raise ValueError(f"{name}={row[name]!r} must be a list of groups, each a list of IoUs.")
    return checked_groups(row[name])


def _opened(trace: str) -> AbstractContextManager[BinaryIO]:
    if trace == "-":
        return nullcontext(sys.stdin.buffer)
    if not Path(trace).is_file():
        raise ValueError(f"{trace} is not a file; give a run's trace.jsonl first, or - for standard input.")
    return Path(trace).open("rb")


if __name__ == "__main__":
    sys.exit(main())
