"""The loss of a run that learns from given boxes, over its steps."""

import json
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from medloc.report import style
from medloc.report.figure1 import SMOOTHING, running_mean


def draw_loss(trace_path: Path, out_png: Path, label: str) -> None:
    """Draw the training loss of one run, step by step and smoothed.

    Args:
        trace_path: The run's trace.jsonl.
        out_png: Where the picture goes.
        label: What the run is; the title.
    """
    lines = [json.loads(line) for line in trace_path.read_text(encoding="utf-8").splitlines()]
    steps = np.array([line["step"] for line in lines])
    loss = np.array([line["loss"] for line in lines], dtype=float)
    with rc_context(style.AXES):
        figure = Figure(figsize=(8, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(steps, loss, color=style.REWARD, alpha=0.3, linewidth=0.8, label="loss of a step")
        smooth = running_mean(loss)
        axes.plot(steps, smooth, color=style.REWARD, linewidth=2, label=f"running mean, {SMOOTHING} steps")
        axes.set_ylim(0, 1.1 * max(smooth.max(), np.quantile(loss, 0.98)))
        axes.set_xlim(steps[0], max(steps[-1], steps[0] + 1))
        axes.set_ylabel("training loss")
        axes.set_xlabel("optimizer step")
        axes.legend(loc="upper right")
        figure.suptitle(label, fontweight="bold", fontsize=11, wrap=True)
        style.save_png(figure, out_png)
