"""The paper's Figure 1 for one run: reward and threshold over the steps; groups that teach nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from medloc.report import style
from medloc.runs import bounded_lines, parsed

SMOOTHING = 20
"""Steps in the running mean; fewer at the start, where there are fewer."""

MOST_LEVELS = 12

FALLBACK_THRESHOLD = 0.5
"""Where a method has no threshold, its groups are judged at this IoU."""


@dataclass(frozen=True)
class Trace:
    """What the figure needs of a trace, one entry per optimizer step.

    Attributes:
        groups: Groups per step.
        completions: Completions per group.
        steps: Optimizer steps.
        reward: Mean reward of the step.
        tau: Threshold in force when the step was rewarded; NaN for a method without one.
        all_miss: Share of groups of which every completion lies below the threshold.
        all_hit: Share of groups of which every completion reaches it.
    """

    groups: int
    completions: int
    steps: np.ndarray
    reward: np.ndarray
    tau: np.ndarray
    all_miss: np.ndarray
    all_hit: np.ndarray

    @property
    def has_threshold(self) -> bool:
        """Tell whether the method has a threshold at all."""
        return not bool(np.isnan(self.tau).all())


def read_trace(path: Path) -> Trace:
    """Read a trace.jsonl.

    Raises:
        ValueError: The trace is empty or a line of it is bad; the message names file and line.
    """
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(bounded_lines(file, str(path)), start=1):
            try:
                rows.append(_row(parsed(line)))
            except (ValueError, KeyError, TypeError, ZeroDivisionError, IndexError, OverflowError) as error:
                raise ValueError(f"{path} line {number}: not a step of a trace ({error!r}).") from None
    if not rows:
        raise ValueError(f"{path}: holds no step; there is nothing to draw.")
    groups, completions, step, reward, tau, miss, hit = zip(*rows, strict=True)
    columns = np.array([step, reward, tau, miss, hit], dtype=float)
    return Trace(max(groups), max(completions), *columns)


def draw_training(trace_path: Path, out_png: Path, label: str) -> None:
    """Draw mean reward and threshold over the steps of one run, above the shares of dead groups.

    Args:
        trace_path: The run's trace.jsonl.
        out_png: Where the picture goes.
        label: What the run is ("phantom data, tiny_s: heel, medloc piecewise, seed 42"); the title.
    """
    trace = read_trace(trace_path)
    with rc_context(style.AXES):
        figure = Figure(figsize=(8, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _draw_reward(above, trace)
        _draw_dead_groups(below, trace)
        figure.suptitle(label, fontweight="bold", fontsize=11, wrap=True)
        below.set_xlabel(f"optimizer step ({trace.groups} groups of {trace.completions} completions each)")
        below.set_xlim(trace.steps[0], max(trace.steps[-1], trace.steps[0] + 1))
        style.save_png(figure, out_png)


def _row(line: dict[str, Any]) -> tuple[float, ...]:
    tau, ious = line["tau_used"], line["ious"]
    if not all(map(len, ious)):
        raise ValueError("an empty group")
    threshold = FALLBACK_THRESHOLD if tau is None else tau
    hits = [sum(iou >= threshold for iou in group) for group in ious]
    miss = sum(hit == 0 for hit in hits) / len(ious)
    full = sum(hit == len(group) for hit, group in zip(hits, ious, strict=True)) / len(ious)
    shown = float("nan") if tau is None else float(tau)
    return len(ious), len(ious[0]), float(line["step"]), _reward(line), shown, miss, full


def _reward(line: dict[str, Any]) -> float:
    """Return the mean reward of the step's completions; where it is missing, what tau makes of their IoUs.

    The line's `mean_reward` is another thing: the mean over the curriculum's window (Eq. 6).
    """
    if line.get("reward") is not None:
        return float(line["reward"])
    ious = np.concatenate([np.asarray(group, dtype=float) for group in line["ious"]])
    return float(ious.mean() if line["tau_used"] is None else (ious >= line["tau_used"]).mean())


def _draw_reward(axes: Axes, trace: Trace) -> None:
    axes.plot(trace.steps, trace.reward, color=style.REWARD, alpha=0.3, linewidth=0.8, label="mean reward of a step")
    smooth = running_mean(trace.reward)
    axes.plot(trace.steps, smooth, color=style.REWARD, linewidth=2, label=f"running mean, {SMOOTHING} steps")
    if trace.has_threshold:
        look = {"color": style.THRESHOLD, "linestyle": "--", "linewidth": 2}
        axes.step(trace.steps, trace.tau, where="post", label="threshold τ (IoU)", **look)
        _name_levels(axes, trace)
    axes.set_ylim(min(0.0, trace.reward.min()), max(1.02, trace.reward.max()))
    axes.set_ylabel("mean reward, τ" if trace.has_threshold else "mean reward")
    _legend_above(axes)


def _name_levels(axes: Axes, trace: Trace) -> None:
    """Write every value of tau where it begins, unless there are too many to read."""
    begins = np.flatnonzero(np.diff(trace.tau, prepend=np.nan) != 0)
    for index in begins if len(begins) <= MOST_LEVELS else ():
        text = axes.annotate(
            f"{trace.tau[index]:.2f}",
            (trace.steps[index], trace.tau[index]),
            (4, 4),
            textcoords="offset points",
            color=style.THRESHOLD,
            fontweight="bold",
        )
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])


def _draw_dead_groups(axes: Axes, trace: Trace) -> None:
    at = "τ" if trace.has_threshold else f"IoU {FALLBACK_THRESHOLD}"
    names = [f"every completion misses {at}", f"every completion reaches {at}"]
    shares = [running_mean(trace.all_miss), running_mean(trace.all_hit)]
    axes.stackplot(trace.steps, shares, colors=[style.ALL_MISS, style.ALL_HIT], labels=names)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.set_ylabel("dead groups\n(running mean)")
    _legend_above(axes)


def _legend_above(axes: Axes) -> None:
    """Put the legend where no curve can run through it."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


def running_mean(values: np.ndarray, width: int = SMOOTHING) -> np.ndarray:
    """Return the mean of the last `width` values at every place, of fewer at the start."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - width, 0)
    means: np.ndarray = (sums[ends] - sums[begins]) / (ends - begins)
    return means
