"""What the curriculum costs: observe, decide and write the trace's line, beside a step; and how it grows with groups.

python -m benchmarks.curriculum --step-seconds 0.25
"""

import argparse
import json
import random
import statistics
import time
from typing import Any

from benchmarks.output import show, write
from medloc.curriculum import curriculum_from
from medloc.spec.compose import compose_job

GROUP_SIZE = 8


def seconds_per_step(groups: int, steps: int) -> float:
    """Returns the median seconds of one step of the default curriculum: observe `groups` groups, make the line."""
    curriculum: Any = curriculum_from(compose_job([]).config)
    draw = random.Random(0)
    stream = [[[round(draw.random(), 6) for _ in range(GROUP_SIZE)] for _ in range(groups)] for _ in range(steps)]
    spent = []
    for step, ious in enumerate(stream):
        begin = time.perf_counter()
        decision = curriculum.observe(ious)
        json.dumps({"step": step, "ious": ious, "tau": decision.tau, "mean_reward": decision.mean_reward})
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curriculum", description=__doc__)
    parser.add_argument("--step-seconds", type=float, default=0.25, help="seconds of a training step to compare with")
    options = parser.parse_args()
    usual = seconds_per_step(8, 400)
    growth = {groups: seconds_per_step(groups, 5) for groups in (100, 1_000, 10_000, 100_000)}
    share = usual / options.step_seconds
    rows = [["8 groups of 8 (the default step)", usual * 1e6, usual * 1e6 / 8]]
    rows += [[f"{groups} groups of 8", spent * 1e6, spent * 1e6 / groups] for groups, spent in growth.items()]
    show(["one call", "microseconds", "per group"], rows)
    write("curriculum", {"options": vars(options), "usual": usual, "growth": growth, "share_of_step": share})
    print(f"share of a step of {options.step_seconds} s: {100 * share:.3f} %")


if __name__ == "__main__":
    main()
