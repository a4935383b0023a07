"""The services that a run can report to: TensorBoard's event files, Weights & Biases, or none (`Tracker`)."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medloc.boxes import Box
from medloc.evaluation.samples import Sample
from medloc.runs.record import Record
from medloc.spec.fields import without
from medloc.spec.run import RunSpec, TrackingSettings
from medloc.training.tracking.series import CURRICULUM, GROUPS, STEP, summary_values

Shown = Sequence[tuple[Sample, Path]]
"""Test images to show: each answer with the image's file."""

LAYOUT = {
    "curriculum": {"why tau moved": ["Multiline", list(CURRICULUM)]},
    "groups": {"groups that teach nothing": ["Multiline", list(GROUPS)]},
}
KEPT = ("record.json", "training.png", "boxes.png", "trace.jsonl", "timings.jsonl", "samples.jsonl")
"""Files of a run's folder that are sent to W&B with it."""

EVALUATED = "eval/step"
LABELS = {1: "true box", 2: "predicted box"}
LONGEST = 100  # characters of a name; W&B allows 128, and the seed is added


class Tracker:
    """One run at one service; this one reports nothing.

    Attributes:
        step: Optimizer step up to which the service already has the run; 0 = nothing.
        evaluation: Step up to which it has the evaluations; -1 = none.
        images: Number of test images to show.
        note: One line for the person at the terminal; "" = nothing to say.
    """

    step, evaluation, images, note = 0, -1, 0, ""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Report the numbers of an optimizer step."""

    def complete(self, folder: Path, record: Record, shown: Shown) -> None:
        """Report how the run ended: the record's metrics, test images with their boxes, the run's own files."""

    def close(self, failed: bool) -> None:
        """End the connection; a run that is not complete can be continued later."""


class TensorboardRun(Tracker):
    """Writes `folder/tensorboard`; a resumed run is written whole again, and its older events are purged.

    Args:
        settings: The group tracking.
        folder: The run's folder.
        record: Its record as it begins.

    Raises:
        ValueError: The package tensorboard is not installed.
    """

    def __init__(self, settings: TrackingSettings, folder: Path, record: Record):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ValueError(
                "tracking=tensorboard needs the package tensorboard, which is not installed; "
                "`pip install 'medloc[tracking]'`."
            ) from None
        self.images, self.note = settings.images, f"tracking: tensorboard --logdir {folder}"
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=0)
        self.writer.add_custom_scalars(LAYOUT)
        self.writer.add_text("run", f"{record.label}: {record.identity}")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def complete(self, folder: Path, record: Record, shown: Shown) -> None:
        last = record.identity["steps"]
        self.log(last, {f"summary/{name}": value for name, value in summary_values(record.metrics).items()})
        for sample, path in shown:
            boxes = {LABELS[1]: sample.truth} | ({LABELS[2]: sample.box} if sample.box else {})
            pixels, corners = np.asarray(_picture(path)), np.array([box.as_list() for box in boxes.values()])
            name = f"test images/{sample.id}, IoU {sample.iou:.2f}"
            self.writer.add_image_with_boxes(name, pixels, corners, last, dataformats="HWC", labels=list(boxes))

    def close(self, failed: bool) -> None:
        self.writer.close()


class WandbRun(Tracker):
    """Opens or continues the run, whose id is the run key; its files lie in `folder/wandb`. Arguments as above.

    Raises:
        ValueError: There is no key, or the service cannot be reached; says what to do.
    """

    def __init__(self, settings: TrackingSettings, folder: Path, record: Record):
        self.images, self.checkpoints = settings.images, settings.checkpoints
        identity, experiment = record.identity, experiment_of(record)
        self.run = wandb_session(
            settings,
            "Run `wandb login` once, or use tracking.mode=offline and send the run later with `wandb sync`.",
            id=record.key,
            resume="allow",
            dir=folder,
            name=f"{experiment} seed {identity['seed']}",
            group=settings.group or experiment,
            tags=[identity["dataset"], identity["method"], f"seed {identity['seed']}", *settings.tags],
            job_type=identity["train"],
            config={
                **without(RunSpec, record.config, "place", "reporting"),
                "identity": dict(identity),
                "fingerprints": record.fingerprints,
            },
        )
        self.run.define_metric("*", step_metric=STEP)
        known = dict(self.run.summary) if self.run.resumed else {}
        self.step, self.evaluation = int(known.get(STEP, 0)), int(known.get(EVALUATED, -1))
        self.note = f"tracking: {f'wandb sync {Path(self.run.dir).parent}' if self.run.offline else self.run.url}"

    def log(self, step: int, values: Mapping[str, float]) -> None:
        evaluated = {EVALUATED: step} if any(name.startswith("eval/") for name in values) else {}
        self.run.log({STEP: step, **values, **evaluated})  # STEP is every chart's axis, whatever W&B counts itself

    def complete(self, folder: Path, record: Record, shown: Shown) -> None:
        import wandb

        self.run.summary.update({**summary_values(record.metrics), **summary_values({"timings": record.timings})})
        if shown:
            columns: list[str | int] = ["id", "class", "image", "iou", "answer", "failure"]
            self.run.log({"test images": wandb.Table(columns=columns, data=[_row(*each) for each in shown])})
        report = wandb.Artifact(f"report-{record.key}", type="report", description=record.label)
        for path in (folder / name for name in KEPT):
            if path.exists():
                report.add_file(str(path))
        self.run.log_artifact(report)
        if self.checkpoints and (folder / "model").is_dir():
            model = wandb.Artifact(f"model-{record.key}", type="model", description=record.label)
            model.add_dir(str(folder / "model"))
            self.run.log_artifact(model)

    def close(self, failed: bool) -> None:
        self.run.finish(exit_code=1 if failed else 0)


def wandb_session(settings: TrackingSettings, remedy: str, **arguments: Any) -> Any:
    """Open a run in the project of `tracking`, and return W&B's handle.

    Args:
        settings: The group tracking.
        remedy: What to do where it cannot be opened.
        **arguments: Of `wandb.init`.

    Raises:
        ValueError: There is no key, or the service cannot be reached.
    """
    import wandb  # takes seconds

    try:
        return wandb.init(
            project=settings.project,
            entity=settings.entity,
            mode="offline" if settings.mode == "offline" else "online",
            settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
            **arguments,
        )
    except (wandb.Error, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"tracking.mode={settings.mode}: {reason} {remedy}") from error


def experiment_of(record: Record) -> str:
    """Return what the run has in common with the runs of other seeds, in at most the 128 characters W&B allows."""
    identity = record.identity
    words = (identity["dataset"], identity["method"], identity["schedule"], identity["model"], identity["variant"])
    said = " ".join(word for word in words if word)
    digest = hashlib.sha256(said.encode()).hexdigest()[:8]
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 12]}... {digest}"


def _picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _row(sample: Sample, path: Path) -> list[Any]:
    """Return a row of W&B's table of test images."""
    import wandb

    boxes = {"truth": _overlay(1, sample.truth)}
    if sample.box is not None:
        boxes["prediction"] = _overlay(2, sample.box, scores={"iou": sample.iou})
    picture = wandb.Image(_picture(path), boxes=boxes)
    return [sample.id, sample.label, picture, sample.iou, sample.text, sample.failure or ""]


def _overlay(label: int, box: Box, **more: Any) -> dict[str, Any]:
    position = {"minX": box.x0, "maxX": box.x1, "minY": box.y0, "maxY": box.y1}
    data = {"position": position, "domain": "pixel", "class_id": label, "box_caption": LABELS[label], **more}
    return {"box_data": [data], "class_labels": {label: LABELS[label]}}
