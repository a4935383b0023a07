"""From what a run writes to a tracking service: step by step, evaluation by evaluation, and how it ended."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from transformers import TrainerCallback

from medloc.curriculum import curriculum_from
from medloc.evaluation.samples import read_samples
from medloc.runs.record import Record
from medloc.spec.run import RunSpec
from medloc.training.callbacks.evaluate import read_lines
from medloc.training.callbacks.trace import TraceWriter
from medloc.training.distributed.ranks import is_main_process
from medloc.training.tracking.series import evaluation_values, step_values
from medloc.training.tracking.services import TensorboardRun, Tracker, WandbRun


def open_tracker(settings: RunSpec, folder: Path, record: Record) -> Tracker:
    """Return the service of `settings.tracking`, connected; of several processes only rank 0 reports.

    Raises:
        ValueError: It cannot be used; says why and what to do.
    """
    tracking = settings.tracking
    if is_main_process() and tracking.name == "wandb" and tracking.mode != "off":
        return WandbRun(tracking, folder, record)
    if is_main_process() and tracking.name == "tensorboard":
        return TensorboardRun(tracking, folder, record)
    return Tracker()


class Follower:
    """Reports one run to a service; a context that ends the connection whichever way the run ends.

    A service that fails on the way gets nothing more: tracking never ends a run.

    Args:
        settings: The run's settings.
        folder: Its folder.
        record: Its record as it begins.
    """

    def __init__(self, settings: RunSpec, folder: Path, record: Record):
        self.folder = folder
        self.params = curriculum_from(record.config).params if settings.method.uses_schedule else None
        self.tracker = open_tracker(settings, folder, record)

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._report(self.tracker.close, kind is not None)

    def _report(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            what(*arguments)
        except Exception as error:  # whatever the service's library raises; the run's own files have everything
            note = " ".join(f"tracking ended early: {type(error).__name__}: {error}".split())
            print(f"medloc.run: {note}", file=sys.stderr)
            self.tracker = Tracker()

    def stepped(self, line: Mapping[str, Any], seconds: float | None) -> None:
        """Report an optimizer step, unless the service has it from an earlier attempt."""
        if line["step"] > self.tracker.step:
            self.tracker.step = line["step"]
            self._report(self.tracker.log, line["step"], step_values(line, seconds, self.params))

    def evaluated(self, point: Mapping[str, Any]) -> None:
        """Report an evaluation, unless the service has it."""
        if point["step"] > self.tracker.evaluation:
            self.tracker.evaluation = point["step"]
            self._report(self.tracker.log, point["step"], evaluation_values(point))

    def catch_up(self) -> None:
        """Report what an earlier attempt left in the folder, up to the checkpoint that the run resumes from."""
        seconds = {line["step"]: line["seconds"] for line in read_lines(self.folder / "timings.jsonl")}
        for line in read_lines(self.folder / "trace.jsonl"):
            self.stepped(line, seconds.get(line["step"]))
        for point in read_lines(self.folder / "curve.jsonl"):
            self.evaluated(point)

    def complete(self, record: Record, images: Mapping[str, Path]) -> None:
        """Report how the run ended.

        Args:
            record: Its record, complete.
            images: The file of each test image, by id.
        """
        wanted = self.tracker.images
        samples = list(read_samples(self.folder / "samples.jsonl")) if wanted else []
        shown = samples[:: max(1, len(samples) // max(1, wanted))][:wanted]
        pictures = [(sample, images[sample.id]) for sample in shown]
        self._report(self.tracker.complete, self.folder, record, pictures)


class FollowTrace(TrainerCallback):
    """Hands each line of the trace on; comes after the `TraceWriter` among the callbacks."""

    def __init__(self, trace: TraceWriter, follower: Follower):
        self.trace, self.follower = trace, follower
        follower.catch_up()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if self.trace.last and state.is_world_process_zero:
            self.follower.stepped(self.trace.last, self.trace.seconds)
