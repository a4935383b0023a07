"""What a run measures: answers before, training with evaluations on the way, answers after, and the scores of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medloc.data import LoadedDataset
from medloc.data.example import Example
from medloc.evaluation.metrics import scores_of
from medloc.evaluation.samples import Sample, read_samples, write_samples
from medloc.models.families import FAMILIES
from medloc.models.memory import plain_out_of_memory
from medloc.runs.record import CurvePoint, RunMetrics, Scores, no_metrics
from medloc.spec.run import RunSpec
from medloc.training.callbacks.evaluate import EvaluateMidway, ProgressBar, read_lines, table_and_evaluation_steps
from medloc.training.callbacks.stop import Guard, StopAtStepEnd, plain_failures, streaks
from medloc.training.callbacks.trace import TraceWriter, median_step, traced_steps
from medloc.training.distributed.ranks import barrier, broadcast_from_rank0, is_main_process, map_across_ranks
from medloc.training.runner.arguments import planned_steps, table_step
from medloc.training.runner.checkpoint import drop_unfinished, finished_steps
from medloc.training.runner.untrained import Untrained
from medloc.training.runner.usage import Usage
from medloc.training.systems import System, Training
from medloc.training.tracking.follow import Follower, FollowTrace


def measure(
    folder: Path, settings: RunSpec, data: LoadedDataset, system: System, follower: Follower, usage: Usage
) -> tuple[RunMetrics, dict[str, float | None]]:
    """Return what a run measures, and its times by name; resume from what an earlier attempt left in `folder`."""
    examples = evaluated(settings, data)
    untrained = Untrained(settings, data, system)
    metrics = no_metrics()
    speaks = FAMILIES[settings.model.family].answers_untrained
    start = untrained.answers(examples, folder / "start.jsonl") if speaks else []
    metrics["zero_shot"] = scores(start) if start else None
    metrics["constant_box"] = untrained.constant_box(examples)
    metrics["answer_grid"] = untrained.answer_grid(examples)
    if settings.method.trainer is None:
        if is_main_process():
            write_samples(folder / "samples.jsonl", start)
        metrics["final"] = metrics["zero_shot"]
        return metrics, {}
    along = _along(settings, data)
    shared = along == examples[: len(along)]  # images that are answered before and after training anyway
    begun = []
    if start:
        begun.append(_point(0, start[: len(along)] if shared else untrained.answers(along)))
        follower.evaluated(begun[0])
    _train(folder, settings, data, system, follower, usage)
    last = map_across_ranks(system.answer, examples)
    end = last[: len(along)] if shared else map_across_ranks(system.answer, along)
    if not is_main_process():
        return metrics, {}
    write_samples(folder / "last.jsonl", last)
    total = planned_steps(settings.train, len(data.train))
    if table_step(settings.train, total) == total:
        write_samples(folder / "samples.jsonl", last)
    metrics["final"] = scores(list(read_samples(folder / "samples.jsonl")))
    metrics["last"] = scores(last)
    closing = _point(total, end)
    follower.evaluated(closing)
    metrics["curve"] = [*begun, *read_lines(folder / "curve.jsonl"), closing]
    return metrics, {"step_s_median": median_step(folder)}


def evaluated(settings: RunSpec, data: LoadedDataset) -> tuple[Example, ...]:
    """Return the images that a run is judged on.

    Raises:
        ValueError: There are none of the part asked for.
    """
    examples: tuple[Example, ...] = getattr(data, settings.dataset.evaluate_on)
    if not examples:
        raise ValueError(
            f"dataset.evaluate_on={settings.dataset.evaluate_on}: {data.origin} has no such images; use "
            "dataset.evaluate_on=test, or dataset.validation_fraction=0.1 for validation images."
        )
    return examples


def table_note(settings: RunSpec, images: int) -> str | None:
    """Return one line that says which step the tables and `model/` show, where it is not simply the last one.

    Args:
        settings: The run's settings.
        images: Number of training images.
    """
    asked = settings.train.table_step
    if settings.method.trainer is None or asked is None:
        return None
    total = planned_steps(settings.train, images)
    if asked > total:
        return f"train.table_step={asked} lies past the run's {total} steps: tables and model/ show the last step."
    if asked == total:
        return None
    return (
        f"tables and model/ show step {asked} of {total} (train.table_step); the last step's answers are in "
        "last.jsonl. train.table_step=null keeps the last step's weights."
    )


def _along(settings: RunSpec, data: LoadedDataset) -> tuple[Example, ...]:
    """Return the images that the curve along the run is measured on: validation images where there are any."""
    return (data.validation or evaluated(settings, data))[: settings.evaluation.images]


def _train(
    folder: Path, settings: RunSpec, data: LoadedDataset, system: System, follower: Follower, usage: Usage
) -> None:
    """Train, evaluating on the way, and save the weights of the step that the tables show."""
    examples, along = evaluated(settings, data), _along(settings, data)
    total = planned_steps(settings.train, len(data.train))
    shown = table_step(settings.train, total)

    def midway(step: int) -> CurvePoint:
        if step == shown:
            whole = map_across_ranks(system.answer, examples)
            if is_main_process():
                write_samples(folder / "samples.jsonl", whole)
            system.save(folder / "model")
        point: CurvePoint = _point(step, map_across_ranks(system.answer, along))
        follower.evaluated(point)
        return point

    if is_main_process():
        drop_unfinished(folder / "checkpoints", traced_steps(folder))
    barrier()
    resume = finished_steps(folder / "checkpoints")
    trace, leaving = TraceWriter(folder, resume), StopAtStepEnd()
    before = broadcast_from_rank0(streaks(read_lines(folder / "trace.jsonl")) if is_main_process() else (0, 0))
    steps = table_and_evaluation_steps(total, settings.evaluation.points, settings.train.table_step)
    callbacks = [
        Guard(settings.guard, trace, *before),
        EvaluateMidway(folder, resume, steps, midway),
        FollowTrace(trace, follower),
        ProgressBar(trace, f"{settings.dataset.name} {settings.method.name} seed {settings.seed}"),
        usage,
        leaving,
    ]
    usage.training(True)
    with plain_failures(folder):
        with leaving, plain_out_of_memory(settings, "training"):
            system.train(Training(data.train, total, folder / "checkpoints", trace, callbacks))
        if shown == total:
            system.save(folder / "model")
    usage.training(False)


def scores(samples: Sequence[Sample]) -> Scores:
    """Return the metrics of samples as a record holds them."""
    return scores_of(None if sample.box is None else sample.iou for sample in samples)


def _point(step: int, samples: Sequence[Sample]) -> Any:
    return {"step": step, **scores(samples)}
