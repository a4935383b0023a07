"""What a tracking service must be able to do, and the one that does nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from medloc.evaluation.samples import Sample
from medloc.runs.record import Record

KEPT = ("record.json", "training.png", "boxes.png", "trace.jsonl", "timings.jsonl", "samples.jsonl")
"""Files of a run's folder that tell how it went, in the order they are shown."""


class Tracker(Protocol):
    """One run at one service.

    Attributes:
        step: optimizer step up to which the service already has the run; 0 = nothing.
        evaluation: step up to which it has the evaluations; -1 = none.
        images: how many test images it wants to see.
        note: one line for the person at the terminal; "" = nothing to say.
    """

    step: int
    evaluation: int
    images: int
    note: str

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Tells the numbers of an optimizer step."""

    def complete(self, folder: Path, record: Record, shown: Sequence[tuple[Sample, Path]]) -> None:
        """Tells how the run ended: the record's metrics, test images with their boxes, the run's own files."""

    def close(self, failed: bool) -> None:
        """Ends the connection; a run that is not complete can be continued later."""


class NoTracker:
    """Tells nobody."""

    step, evaluation, images, note = 0, -1, 0, ""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Does nothing."""

    def complete(self, folder: Path, record: Record, shown: Sequence[tuple[Sample, Path]]) -> None:
        """Does nothing."""

    def close(self, failed: bool) -> None:
        """Does nothing."""
