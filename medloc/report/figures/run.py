"""Pictures of one run: the paper's Figure 1 from its trace, and the loss of a run that learns from given boxes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from medloc.report.figures import style
from medloc.report.runs import read_lines

SMOOTHING = 20
"""Steps in the running mean; fewer at the start, where there are fewer."""

MOST_LEVELS = 12
"""Values of tau that are written beside its curve; more could not be read."""


@dataclass(frozen=True)
class Trace:
    """The columns of a trace that the figure needs, one entry per optimizer step.

    Attributes:
        groups: Groups per step.
        completions: Completions per group.
        steps: Optimizer steps.
        reward: Mean reward of the step.
        tau: Threshold in force when the step was rewarded; NaN for a method without one.
        all_miss: Share of groups of which every completion lies below the threshold.
        all_hit: Share of groups of which every completion reaches it.
        at_tau: Whether that threshold is tau, on the scale that the reward compares with it; otherwise IoU 0.5.
        iou_scale: Whether tau is compared with the IoU itself; False also where the trace does not say.
    """

    groups: int
    completions: int
    steps: np.ndarray
    reward: np.ndarray
    tau: np.ndarray
    all_miss: np.ndarray
    all_hit: np.ndarray
    at_tau: bool
    iou_scale: bool

    @property
    def has_threshold(self) -> bool:
        """Whether the method has a threshold at all."""
        return not bool(np.isnan(self.tau).all())


def read_trace(path: Path) -> Trace:
    """Read a trace.jsonl.

    The shares of groups are those that the run stored when it rewarded its completions. They are not computed from the
    IoUs here: some methods compare tau with another quantity (medloc_giou: (1 + GIoU) / 2). Older traces hold the
    shares at IoU 0.5 only.

    Raises:
        ValueError: The trace is empty or a line of it is bad; the message names file and line.
    """
    rows = read_lines(path, "a step of a trace", _row)
    if not rows:
        raise ValueError(f"{path}: holds no step; there is nothing to draw.")
    groups, completions, iou_scale, *numbers = zip(*rows, strict=True)
    steps, reward, tau, *shares = np.array(numbers, dtype=float)
    at_tau = not np.isnan(shares[2:]).any()
    all_miss, all_hit = shares[2:] if at_tau else shares[:2]
    return Trace(max(groups), max(completions), steps, reward, tau, all_miss, all_hit, at_tau, all(iou_scale))


def draw_training(trace_path: Path, out_png: Path, label: str) -> None:
    """Draw mean reward and threshold over the steps of one run, above the shares of dead groups.

    Args:
        trace_path: The run's trace.jsonl.
        out_png: The file to write.
        label: What the run is ("phantom data, tiny_s: heel, medloc piecewise, seed 42"); the title.
    """
    trace = read_trace(trace_path)
    with rc_context(style.AXES):
        figure = Figure(figsize=(8, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _draw_reward(above, trace)
        _draw_dead_groups(below, trace)
        below.set_xlabel(f"optimizer step ({trace.groups} groups of {trace.completions} completions each)")
        _finish(figure, below, trace.steps, out_png, label)


def draw_loss(trace_path: Path, out_png: Path, label: str) -> None:
    """Draw the training loss of one run, step by step and smoothed; arguments as in `draw_training`."""
    lines = read_lines(trace_path, "a step of a trace", lambda line: (line["step"], line["loss"]))
    steps, loss = np.array(lines, dtype=float).T
    with rc_context(style.AXES):
        figure = Figure(figsize=(8, 3.6), layout="constrained")
        axes = figure.subplots()
        smooth = _draw_smoothed(axes, steps, loss, "loss of a step")
        axes.set_ylim(0, 1.1 * max(smooth.max(), np.quantile(loss, 0.98)))
        axes.set_ylabel("training loss")
        axes.set_xlabel("optimizer step")
        axes.legend(loc="upper right")
        _finish(figure, axes, steps, out_png, label)


def running_mean(values: np.ndarray, width: int = SMOOTHING) -> np.ndarray:
    """Return the mean of the last `width` values at every place, of fewer at the start."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - width, 0)
    means: np.ndarray = (sums[ends] - sums[begins]) / (ends - begins)
    return means


def _row(line: dict[str, Any]) -> tuple[Any, ...]:
    """Return sizes, scale and numbers of one step; the shares at IoU 0.5 come before those at tau (NaN: not stored)."""
    groups = line["ious"]
    if not all(map(len, groups)):
        raise ValueError("an empty group")
    iou_scale = "watched" in line and line["watched"] is None
    numbers = (line["step"], line["reward"], _or_nan(line["tau_used"]), line["all_miss"], line["all_hit"])
    at_tau = (_or_nan(line.get(name)) for name in ("all_miss_tau", "all_hit_tau"))
    return (len(groups), len(groups[0]), iou_scale, *map(float, (*numbers, *at_tau)))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _draw_reward(axes: Axes, trace: Trace) -> None:
    _draw_smoothed(axes, trace.steps, trace.reward, "mean reward of a step")
    if trace.has_threshold:
        look: dict[str, Any] = {"color": style.THRESHOLD, "linestyle": "--", "linewidth": 2}
        name = "threshold τ (IoU)" if trace.iou_scale else "threshold τ"
        axes.step(trace.steps, trace.tau, where="post", label=name, **look)
        _label_levels(axes, trace)
    axes.set_ylim(min(0.0, trace.reward.min()), max(1.02, trace.reward.max()))
    axes.set_ylabel("mean reward, τ" if trace.has_threshold else "mean reward")
    _legend_above(axes)


def _draw_smoothed(axes: Axes, steps: np.ndarray, values: np.ndarray, name: str) -> np.ndarray:
    """Draw values step by step and their running mean, which is returned."""
    axes.plot(steps, values, color=style.REWARD, alpha=0.3, linewidth=0.8, label=name)
    smooth = running_mean(values)
    axes.plot(steps, smooth, color=style.REWARD, linewidth=2, label=f"running mean, {SMOOTHING} steps")
    return smooth


def _label_levels(axes: Axes, trace: Trace) -> None:
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
    at = "τ" if trace.at_tau else "IoU 0.5"
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


def _finish(figure: Figure, axes: Axes, steps: np.ndarray, out_png: Path, label: str) -> None:
    axes.set_xlim(steps[0], max(steps[-1], steps[0] + 1))
    figure.suptitle(label, fontweight="bold", fontsize=11, wrap=True)
    style.save_png(figure, out_png)
