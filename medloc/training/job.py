"""One run from its settings to its record: load, answer before, train, answer after, write down."""

import json
import shutil
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transformers.utils import logging as transformers_logging

from medloc.curriculum import curriculum_from
from medloc.data import LoadedDataset, load_dataset
from medloc.data.box_baselines import best_constant_box, constant_box_ious, median_box
from medloc.data.example import Example
from medloc.data.prompts import prompt_for
from medloc.evaluation.answer import answer_all, nearest_ious
from medloc.evaluation.metrics import Metrics
from medloc.evaluation.samples import Sample, read_samples, write_samples
from medloc.models.load import LoadedModel, load_model, save_base
from medloc.records.files import read_record, write_record
from medloc.records.key import CURRICULUM_GROUPS, run_key, without_unused_groups
from medloc.records.provenance import provenance
from medloc.records.record import Record, RunMetrics, Scores, no_metrics
from medloc.rewards import reward_for
from medloc.settings.job import Job
from medloc.settings.run import Settings
from medloc.training.checkpoint import checkpoint_step, newest_checkpoint
from medloc.training.grpo import planned_steps, train_grpo
from medloc.training.hardware import cores, peak_memory_mb, set_threads
from medloc.training.midway import Midway, evaluation_steps
from medloc.training.progress import ProgressBar
from medloc.training.trace import TraceWriter
from medloc.training.trainer import Rule


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: where it lies.
        record: its record.
        fresh: whether anything had to be done.
        images: the file of each image it was evaluated on, by id.
        notes: what the data set's reader had to say.
    """

    folder: Path
    record: Record
    fresh: bool
    images: dict[str, Path]
    notes: tuple[str, ...]


def run_job(job: Job) -> Outcome:
    """Does one run, or what is left of it.

    A complete run is not repeated, an interrupted one goes on from its last checkpoint, a failed one is tried again.

    Raises:
        Whatever ended the run; its record then says `failed` and why.
    """
    settings = job.settings
    threads = settings.threads or cores()
    set_threads(threads)
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    data = load_dataset(settings.dataset, Path(settings.cache))
    loaded = load_model(settings.model)
    config = {**job.config, "threads": threads, "world_size": 1}
    used = without_unused_groups(config, settings.method.uses_schedule)
    key = run_key(used, data=data.fingerprint, model=loaded.fingerprint)
    folder = Path(settings.results).expanduser().resolve() / "runs" / key
    earlier = _earlier(folder)
    images = {example.id: example.image for example in _evaluated(settings, data)}
    if settings.rerun and earlier:
        folder.rename(folder.with_name(f"{key}.moved-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
    elif earlier and earlier.status == "complete":
        return Outcome(folder, earlier, False, images, data.notes)
    folder.mkdir(parents=True, exist_ok=True)
    record = _opening(job, key, used, data, loaded, threads)
    write_record(folder, record)
    return Outcome(folder, _finish(record, folder, settings, data, loaded), True, images, data.notes)


def _earlier(folder: Path) -> Record | None:
    try:
        return read_record(folder / "record.json")
    except FileNotFoundError:
        return None
    except ValueError:  # torn or of another schema: the run starts over from its checkpoints
        return None


def _opening(
    job: Job, key: str, config: dict[str, Any], data: LoadedDataset, loaded: LoadedModel, threads: int
) -> Record:
    settings = job.settings
    method = settings.method
    return Record(
        key=key,
        status="running",
        label=f"{data.origin} data, {settings.model.name} model",
        identity={
            "dataset": settings.dataset.name,
            "origin": data.origin,
            "evaluated_on": settings.dataset.evaluate_on,
            "model": settings.model.name,
            "method": method.name,
            "schedule": settings.schedule.name if method.uses_schedule else None,
            "train": settings.train.name,
            "steps": planned_steps(settings.train, len(data.train)) if method.reward else 0,
            "seed": settings.seed,
            "variant": job.variant,
        },
        config=config,
        provenance=provenance(threads=threads),
        fingerprints={"data": data.fingerprint, "model": loaded.fingerprint},
        started=_now(),
    )


def _finish(record: Record, folder: Path, settings: Settings, data: LoadedDataset, loaded: LoadedModel) -> Record:
    """Runs to the end and writes the record, whichever end it is."""
    begin = time.perf_counter()
    try:
        metrics, timings = _measure(folder, settings, data, loaded)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        write_record(folder, replace(record, status="failed", reason=reason, ended=_now()))
        raise
    done = replace(
        record,
        status="complete",
        metrics=metrics,
        timings={"wall_s": round(time.perf_counter() - begin, 2), **timings},
        peak_memory_mb=peak_memory_mb(),
        ended=_now(),
    )
    write_record(folder, done)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # not before: what is computed is kept until recorded
    return done


def _measure(
    folder: Path, settings: Settings, data: LoadedDataset, loaded: LoadedModel
) -> tuple[RunMetrics, dict[str, float | None]]:
    examples = _evaluated(settings, data)
    prompt = prompt_for(settings.dataset.name, settings.dataset.prompt or settings.method.prompt)
    few = examples[: settings.evaluation.images]

    def answer(some: Sequence[Example]) -> list[Sample]:
        return answer_all(
            loaded,
            some,
            prompt,
            batch_size=settings.evaluation.batch_size,
            max_new_tokens=settings.train.max_completion_length,
        )

    start = _kept(folder / "start.jsonl") or answer(examples)
    write_samples(folder / "start.jsonl", start)
    metrics = no_metrics()
    metrics["zero_shot"] = scores(start)
    metrics["constant_box"] = {
        "best": Metrics.of(constant_box_ious(best_constant_box(data.train), examples)).as_dict(),
        "median": Metrics.of(constant_box_ious(median_box(data.train), examples)).as_dict(),
    }
    metrics["answer_grid"] = Metrics.of(nearest_ious(loaded, examples)).as_dict()
    if settings.method.reward is None:
        write_samples(folder / "samples.jsonl", start)
        metrics["final"] = metrics["zero_shot"]
        return metrics, {}

    def midway(step: int) -> dict[str, Any]:
        if step == settings.train.table_step:
            write_samples(folder / "samples.jsonl", answer(examples))
        return {"step": step, **scores(answer(few))}

    seconds = _train(folder, settings, data, loaded, prompt, midway)
    last = answer(examples)
    write_samples(folder / "last.jsonl", last)
    if settings.train.table_step is None or not (folder / "samples.jsonl").exists():
        write_samples(folder / "samples.jsonl", last)
    metrics["final"] = scores(list(read_samples(folder / "samples.jsonl")))
    metrics["last"] = scores(last)
    metrics["curve"] = _curve(folder, start, last, len(few))
    return metrics, {"train_s": round(seconds, 2), "step_s_median": _median_step(folder)}


def _evaluated(settings: Settings, data: LoadedDataset) -> tuple[Example, ...]:
    examples = data.test if settings.dataset.evaluate_on == "test" else data.calibration
    if not examples:
        raise ValueError(
            f"dataset.evaluate_on={settings.dataset.evaluate_on}: {data.origin} has no such images; use "
            "dataset.evaluate_on=test."
        )
    return examples


def _train(
    folder: Path, settings: Settings, data: LoadedDataset, loaded: LoadedModel, prompt: str, midway: Any
) -> float:
    method = settings.method
    assert method.reward is not None
    config = {group: asdict(getattr(settings, group)) for group in CURRICULUM_GROUPS}
    rule = Rule(
        reward=reward_for(method.reward, method.preset),
        curriculum=curriculum_from(config) if method.uses_schedule else None,
        tau=method.tau,
        format_weight=method.format_weight,
    )
    total = planned_steps(settings.train, len(data.train))
    checkpoint = newest_checkpoint(folder / "checkpoints")
    resume = checkpoint_step(checkpoint) if checkpoint else 0
    trace = TraceWriter(folder, resume)
    steps = [step for step in evaluation_steps(total, settings.evaluation.points) if step != total]
    if settings.train.table_step is not None and settings.train.table_step < total:
        steps.append(settings.train.table_step)
    title = f"{settings.dataset.name} {method.name} seed {settings.seed}"
    begin = time.perf_counter()
    callbacks = [Midway(folder, resume, steps, midway), ProgressBar(trace, title)]
    train_grpo(loaded, rule, data.train, prompt, settings, folder / "checkpoints", trace, callbacks)
    save_base(loaded.model, loaded.processor, folder / "model")
    return time.perf_counter() - begin


def scores(samples: Sequence[Sample]) -> Scores:
    """Returns the metrics of samples as a record holds them."""
    parsed = sum(sample.box is not None for sample in samples)
    return Metrics.of((sample.iou for sample in samples), parsed=parsed).as_dict()


def _kept(path: Path) -> list[Sample] | None:
    return list(read_samples(path)) if path.exists() else None


def _curve(folder: Path, start: list[Sample], last: list[Sample], n: int) -> list[Any]:
    lines = (
        (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines() if (folder / "curve.jsonl").exists() else []
    )
    between = [json.loads(line) for line in lines]
    trace = (folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    return [{"step": 0, **scores(start[:n])}, *between, {"step": len(trace), **scores(last[:n])}]


def _median_step(folder: Path) -> float:
    seconds = sorted(json.loads(line)["seconds"] for line in (folder / "timings.jsonl").open(encoding="utf-8"))
    return float(seconds[len(seconds) // 2])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
