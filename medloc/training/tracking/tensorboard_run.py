"""A run in TensorBoard's event files, under the run's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from medloc.evaluation.samples import Sample
from medloc.runs.record import Record
from medloc.spec.run import TrackingSettings
from medloc.training.tracking.follow import Tracker
from medloc.training.tracking.series import CURRICULUM, GROUPS, summary_values

LAYOUT = {
    "curriculum": {"why tau moved": ["Multiline", list(CURRICULUM)]},
    "groups": {"groups that teach nothing": ["Multiline", list(GROUPS)]},
}


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
        self.images = settings.images
        self.note = f"tracking: tensorboard --logdir {folder}"
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=0)
        self.writer.add_custom_scalars(LAYOUT)
        self.writer.add_text("run", f"{record.label}: {record.identity}")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to every series."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def complete(self, folder: Path, record: Record, shown: Sequence[tuple[Sample, Path]]) -> None:
        """Add the record's metrics and the test images with their boxes."""
        last = record.identity["steps"]
        for name, value in summary_values(record.metrics).items():
            self.writer.add_scalar(f"summary/{name}", value, last)
        for sample, path in shown:
            boxes = {"true box": sample.truth} | ({"predicted box": sample.box} if sample.box else {})
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
            corners = np.array([box.as_list() for box in boxes.values()])
            name = f"test images/{sample.id}, IoU {sample.iou:.2f}"
            self.writer.add_image_with_boxes(name, pixels, corners, last, dataformats="HWC", labels=list(boxes))

    def close(self, failed: bool) -> None:
        """Write out what is left."""
        self.writer.close()
