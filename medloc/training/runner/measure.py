"""What a run measures: answers before, training with evaluations on the way, answers after, and the scores of each."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medloc.data import LoadedDataset
from medloc.data.box_baselines import best_constant_box, constant_box_ious, median_box
from medloc.data.example import Example
from medloc.evaluation.metrics import Metrics
from medloc.evaluation.samples import Sample, read_samples, write_samples
from medloc.runs.record import CurvePoint, RunMetrics, Scores, no_metrics
from medloc.spec.run import RunSpec
from medloc.training.callbacks.checkpoint import drop_unfinished
from medloc.training.callbacks.evaluate import Midway, read_curve, table_and_evaluation_steps
from medloc.training.callbacks.guard import Guard
from medloc.training.callbacks.progress import ProgressBar
from medloc.training.callbacks.stop_signal import Leaving
from medloc.training.callbacks.trace import TraceWriter, median_step, traced_steps
from medloc.training.distributed.ranks import first, meet, shared_out, told
from medloc.training.runner.arguments import planned_steps
from medloc.training.runner.failures import failures_said
from medloc.training.runner.resume import finished_steps
from medloc.training.systems import System, Training
from medloc.training.tracking.follow import Follower, Follows


def measure(
    folder: Path, settings: RunSpec, data: LoadedDataset, system: System, follower: Follower
) -> tuple[RunMetrics, dict[str, float | None]]:
    """Returns what a run measures, and its times by name; what an earlier attempt left in `folder` is gone on from."""
    examples = evaluated(settings, data)
    metrics = no_metrics()
    start = _start(folder, system, examples)
    metrics["zero_shot"] = scores(start) if start else None
    metrics["constant_box"] = {
        "best": Metrics.of(constant_box_ious(best_constant_box(data.train), examples)).as_dict(),
        "median": Metrics.of(constant_box_ious(median_box(data.train), examples)).as_dict(),
    }
    metrics["answer_grid"] = Metrics.of(system.nearest(examples)).as_dict()
    if settings.method.trainer is None:
        if first():
            write_samples(folder / "samples.jsonl", start)
        metrics["final"] = metrics["zero_shot"]
        return metrics, {}
    along = _along(settings, data)
    own = along == examples[: len(along)]  # images that are answered before and after training anyway
    begin = start[: len(along)] if own or not start else shared_out(system.answer, along)
    begun = [_point(0, begin)] if start else []
    for point in begun:
        follower.evaluated(point)
    seconds = _train(folder, settings, data, system, follower)
    last = shared_out(system.answer, examples)
    end = last[: len(along)] if own else shared_out(system.answer, along)
    if not first():
        return metrics, {}
    write_samples(folder / "last.jsonl", last)
    if settings.train.table_step is None or not (folder / "samples.jsonl").exists():
        write_samples(folder / "samples.jsonl", last)
    metrics["final"] = scores(list(read_samples(folder / "samples.jsonl")))
    metrics["last"] = scores(last)
    closing = _point(planned_steps(settings.train, len(data.train)), end)
    follower.evaluated(closing)
    metrics["curve"] = [*begun, *read_curve(folder), closing]
    return metrics, {"train_s": round(seconds, 2), "step_s_median": median_step(folder)}


def _start(folder: Path, system: System, examples: Sequence[Example]) -> list[Sample]:
    """Returns the answers before training, kept from an earlier attempt or new; none from what has not learnt any."""
    path = folder / "start.jsonl"
    if not system.starts_able:
        return []
    known = told(path.exists())
    start = list(read_samples(path)) if known else shared_out(system.answer, examples)
    if first():
        write_samples(path, start)
    meet()
    return start


def evaluated(settings: RunSpec, data: LoadedDataset) -> tuple[Example, ...]:
    """Returns the images that a run is judged on.

    Raises:
        ValueError: there are none of the part asked for.
    """
    examples: tuple[Example, ...] = getattr(data, settings.dataset.evaluate_on)
    if not examples:
        raise ValueError(
            f"dataset.evaluate_on={settings.dataset.evaluate_on}: {data.origin} has no such images; use "
            "dataset.evaluate_on=test, or dataset.validation_fraction=0.1 for validation images."
        )
    return examples


def _along(settings: RunSpec, data: LoadedDataset) -> tuple[Example, ...]:
    """Returns the images that the curve along the run is measured on: validation images where there are any."""
    return (data.validation or evaluated(settings, data))[: settings.evaluation.images]


def _train(folder: Path, settings: RunSpec, data: LoadedDataset, system: System, follower: Follower) -> float:
    """Trains, evaluating on the way; returns the seconds it took."""
    examples = evaluated(settings, data)
    along = _along(settings, data)

    def midway(step: int) -> CurvePoint:
        if step == settings.train.table_step:
            whole = shared_out(system.answer, examples)
            if first():
                write_samples(folder / "samples.jsonl", whole)
        point: CurvePoint = _point(step, shared_out(system.answer, along))
        follower.evaluated(point)
        return point

    total = planned_steps(settings.train, len(data.train))
    if first():
        drop_unfinished(folder / "checkpoints", traced_steps(folder))
    meet()
    resume = finished_steps(folder / "checkpoints")
    trace = TraceWriter(folder, resume)
    steps = table_and_evaluation_steps(total, settings.evaluation.points, settings.train.table_step)
    title = f"{settings.dataset.name} {settings.method.name} seed {settings.seed}"
    leaving = Leaving()
    callbacks = [
        Guard(settings.guard, trace),
        Midway(folder, resume, steps, midway),
        Follows(trace, follower),
        ProgressBar(trace, title),
        leaving,
    ]
    begin = time.perf_counter()
    with failures_said(folder):
        with leaving:
            system.train(Training(data.train, total, folder / "checkpoints", trace, callbacks))
        system.save(folder / "model")
    return time.perf_counter() - begin


def scores(samples: Sequence[Sample]) -> Scores:
    """Returns the metrics of samples as a record holds them."""
    parsed = sum(sample.box is not None for sample in samples)
    return Metrics.of((sample.iou for sample in samples), parsed=parsed).as_dict()


def _point(step: int, samples: Sequence[Sample]) -> Any:
    return {"step": step, **scores(samples)}
