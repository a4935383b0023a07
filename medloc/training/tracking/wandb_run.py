"""A run at Weights & Biases: its id is the run key, so that a resumed run continues the same one."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb
from PIL import Image

from medloc.boxes import Box
from medloc.evaluation.samples import Sample
from medloc.runs.record import Record
from medloc.spec.fields import without
from medloc.spec.run import RunSpec, TrackingSettings
from medloc.training.tracking.follow import Tracker
from medloc.training.tracking.series import STEP, summary_values

KEPT = ("record.json", "training.png", "boxes.png", "trace.jsonl", "timings.jsonl", "samples.jsonl")
"""Files of a run's folder that are sent with it."""

EVALUATED = "eval/step"
LABELS = {1: "true box", 2: "predicted box"}
LONGEST = 100  # characters of a name; W&B allows 128, and the seed is added
COLUMNS = ("id", "class", "image", "iou", "answer", "failure")


class WandbRun(Tracker):
    """Opens or continues the run; its files lie in `folder/wandb`.

    Args:
        settings: The group tracking.
        folder: The run's folder.
        record: Its record as it begins.

    Raises:
        ValueError: There is no key, or the service cannot be reached; says what to do.
    """

    def __init__(self, settings: TrackingSettings, folder: Path, record: Record):
        self.images, self.checkpoints = settings.images, settings.checkpoints
        identity = record.identity
        try:
            self.run = wandb.init(
                project=settings.project,
                entity=settings.entity,
                mode="offline" if settings.mode == "offline" else "online",
                id=record.key,
                resume="allow",
                dir=folder,
                name=f"{experiment_of(record)} seed {identity['seed']}",
                group=settings.group or experiment_of(record),
                tags=[identity["dataset"], identity["method"], f"seed {identity['seed']}", *settings.tags],
                job_type=identity["train"],
                config={
                    **without(RunSpec, record.config, "place", "reporting"),
                    "identity": dict(identity),
                    "fingerprints": record.fingerprints,
                },
                settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
            )
        except (wandb.Error, OSError) as error:
            raise ValueError(
                f"tracking.mode={settings.mode}: {' '.join(str(error).split())} Run `wandb login` once, or use "
                "tracking.mode=offline and send the run later with `wandb sync`."
            ) from error
        self.run.define_metric("*", step_metric=STEP)
        known = dict(self.run.summary) if self.run.resumed else {}
        self.step, self.evaluation = int(known.get(STEP, 0)), int(known.get(EVALUATED, -1))
        self.note = f"tracking: {f'wandb sync {Path(self.run.dir).parent}' if self.run.offline else self.run.url}"

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row; `step` is the axis of every chart, whatever W&B counts itself."""
        evaluated = {EVALUATED: step} if any(name.startswith("eval/") for name in values) else {}
        self.run.log({STEP: step, **values, **evaluated})

    def complete(self, folder: Path, record: Record, shown: Sequence[tuple[Sample, Path]]) -> None:
        """Fill summary and table, and send the run's files."""
        self.run.summary.update({**summary_values(record.metrics), **summary_values({"timings": record.timings})})
        if shown:
            self.run.log({"test images": wandb.Table(columns=list(COLUMNS), data=[_row(*each) for each in shown])})
        report = wandb.Artifact(f"report-{record.key}", type="report", description=record.label)
        for name in KEPT:
            if (folder / name).exists():
                report.add_file(str(folder / name))
        self.run.log_artifact(report)
        if self.checkpoints and (folder / "model").is_dir():
            model = wandb.Artifact(f"model-{record.key}", type="model", description=record.label)
            model.add_dir(str(folder / "model"))
            self.run.log_artifact(model)

    def close(self, failed: bool) -> None:
        """End this session of the run."""
        self.run.finish(exit_code=1 if failed else 0)


def experiment_of(record: Record) -> str:
    """Return what the run has in common with the runs of other seeds, in at most the 128 characters W&B allows."""
    identity = record.identity
    words = (identity["dataset"], identity["method"], identity["schedule"], identity["model"], identity["variant"])
    said = " ".join(word for word in words if word)
    digest = hashlib.sha256(said.encode()).hexdigest()[:8]
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 12]}... {digest}"


def _row(sample: Sample, path: Path) -> list[Any]:
    boxes = {"truth": _overlay(1, sample.truth)}
    if sample.box is not None:
        boxes["prediction"] = _overlay(2, sample.box, sample.iou)
    with Image.open(path) as image:
        picture = wandb.Image(image.convert("RGB"), boxes=boxes)
    return [sample.id, sample.label, picture, sample.iou, sample.text, sample.failure or ""]


def _overlay(label: int, box: Box, iou: float | None = None) -> dict[str, Any]:
    position = {"minX": box.x0, "maxX": box.x1, "minY": box.y0, "maxY": box.y1}
    data: dict[str, Any] = {"position": position, "domain": "pixel", "class_id": label, "box_caption": LABELS[label]}
    if iou is not None:
        data["scores"] = {"iou": iou}
    return {"box_data": [data], "class_labels": {label: LABELS[label]}}
