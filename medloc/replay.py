"""`python -m medloc.replay`: feed the IoUs that a run recorded to another curriculum, without training."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from medloc.curriculum import Curriculum, checked_groups
from medloc.runs import bounded_lines
from medloc.spec.compose import compose_curriculum
from medloc.spec.stopping import stopped

HELP = """\
python -m medloc.replay TRACE [KEY=VALUE ...]

What would another curriculum have done with the answers a run recorded? Reads `step` and `ious` from each
line of a trace.jsonl (`-` reads standard input), feeds them to the curriculum that the settings describe,
and prints one JSON line per step: step, ious, tau_used, tau, mean_reward, reward_std, iou_margin, updated.
No model, no data, no training. Settings start from the defaults in conf/, not from the run's own.

  python -m medloc.replay results/runs/KEY/trace.jsonl schedule=cosine window.size=20

  schedule=piecewise|linear|cosine|identical|fixed|median    schedule.tau0= .tau_target= .deltas= .boundaries= ...
  criteria=full|no_reward|no_margin|no_stability|only_reward|only_margin|only_stability  criteria.margin=
  strategy=adaptive|fixed_aggressive|fixed_moderate|fixed_conservative     strategy.P= .S= .boundaries=
  window.size=30    window.refresh=half|quarter|full|none    window.unit=step|group

A line that cannot be used is named by its number and ends the replay with status 2.
"""
FIELDS = ("tau_used", "tau", "mean_reward", "reward_std", "iou_margin", "updated")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 for a user's mistake."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or "--help" in arguments or "-h" in arguments:
        print(HELP, end="", file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    try:
        trace, *overrides = arguments
        name = "standard input" if trace == "-" else Path(trace).name
        with _opened(trace) as file:
            replay(bounded_lines(file, name), compose_curriculum(overrides), name)
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError) as mistake:
        print(mistake, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return stopped("replay")
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
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            answer = _replayed(line, curriculum)
        except ValueError as mistake:
            raise ValueError(f"{name} line {number}: {mistake}") from None
        print(json.dumps(answer), flush=True)


def _replayed(line: bytes, curriculum: Curriculum) -> dict[str, Any]:
    step, ious = _recorded(line)
    decision = curriculum.observe(ious)
    return {"step": step, "ious": ious} | {field: getattr(decision, field) for field in FIELDS}


def _recorded(line: bytes) -> tuple[int, list[list[float]]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON; is the line cut off?") from None
    if not isinstance(row, dict) or not {"step", "ious"} <= row.keys():
        raise ValueError("must be a JSON object with `step` and `ious`; is this a trace.jsonl?")
    step, ious = row["step"], row["ious"]
    if not isinstance(step, int) or isinstance(step, bool):
        raise ValueError(f"step={step!r} must be a whole number.")
    if not isinstance(ious, list):
        raise ValueError(f"ious={ious!r} must be a list of groups, each a list of IoUs.")
    return step, checked_groups(ious)


def _opened(trace: str) -> AbstractContextManager[BinaryIO]:
    if trace == "-":
        return nullcontext(sys.stdin.buffer)
    if not Path(trace).is_file():
        raise ValueError(f"{trace} is not a file; give a run's trace.jsonl first, or - for standard input.")
    return Path(trace).open("rb")


if __name__ == "__main__":
    sys.exit(main())
