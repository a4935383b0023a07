"""What stands for a run where only the way runs are worked through is tested: quick, and able to die."""

import os

from medloc.experiments.launchers import Result
from medloc.experiments.rows import planned_run


def run_of(seed, **more):
    """A run that differs from others by its seed."""
    return planned_run(("method=vlm_r1", "dataset=heel", f"seed={seed}", *(f"{k}={v}" for k, v in more.items())))


def quick(run, overrides):
    """Ends as its overrides say."""
    if "die" in overrides:
        os._exit(1)
    return Result(run, "ValueError: no" if "fail" in overrides else None, a50=0.5, seconds=1.0, steps=400)
