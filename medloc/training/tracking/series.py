"""The names under which a run's numbers are shown, and how they come from what the run writes."""

from collections.abc import Iterator, Mapping
from typing import Any

from medloc.curriculum import CurriculumParams

STEP = "step"
CURRICULUM = {  # each statistic of Eq. 6-8 beside its bound in Eq. 9
    "curriculum/tau": "threshold in force after the step",
    "curriculum/mean_reward": "window mean reward, Eq. 6",
    "curriculum/P": "its least value",
    "curriculum/reward_std": "its standard deviation, Eq. 7",
    "curriculum/S": "its greatest value",
    "curriculum/iou_margin": "mean surplus of IoU over tau, Eq. 8",
    "curriculum/margin": "its least value",
}
RAISED = "curriculum/raised"
GROUPS = ("groups/dead", "groups/all_miss", "groups/all_hit")
TRAIN = ("reward", "parse_rate", "kl", "entropy", "loss", "grad_norm", "completion_length")
SECONDS = "train/step_seconds"
EVALUATION = ("a50", "a80", "map", "mean_iou", "parse_rate")


def step_values(line: Mapping[str, Any], seconds: float | None, params: CurriculumParams | None) -> dict[str, float]:
    """Return what is shown of one optimizer step; what the step does not have is left out.

    Args:
        line: Its line of trace.jsonl.
        seconds: Its wall time.
        params: The curriculum's, for the bounds; None for a method without one.
    """
    values = {f"train/{name}": line[name] for name in TRAIN}
    values |= {SECONDS: seconds, "groups/dead": line["dead"], "curriculum/tau": line["tau"]}
    at = "" if line["tau_used"] is None else "_tau"  # a method without a threshold is judged at IoU 0.5
    values |= {f"groups/{name}": line[f"{name}{at}"] for name in ("all_miss", "all_hit")}
    if params is not None:
        values |= {f"curriculum/{name}": line[name] for name in ("mean_reward", "reward_std", "iou_margin")}
        P, S = params.strategy.bounds(line["tau_used"])
        values |= {"curriculum/P": P, "curriculum/S": S, "curriculum/margin": params.criteria.margin}
        values[RAISED] = float(line["updated"])
    return {name: float(value) for name, value in values.items() if value is not None}


def evaluation_values(point: Mapping[str, Any]) -> dict[str, float]:
    """Return what is shown of an evaluation on the way."""
    return {f"eval/{name}": float(point[name]) for name in EVALUATION if point[name] is not None}


def summary_values(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return a record's metrics under path-like names ("final/a50"), what was not measured left out; no curves."""
    return {name: value for name, value in _flat(metrics, "") if value is not None}


def _flat(values: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{place}{name}/")
        elif not isinstance(value, list):
            yield f"{place}{name}", value
