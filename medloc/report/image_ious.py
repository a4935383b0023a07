"""The overlap on every test image of a run, with the lesion or patient that each image shows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medloc.evaluation.metrics import THRESHOLDS
from medloc.runs import bounded_lines, parsed

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageIous:
    """One number per test image, in the data set's fixed order.

    Attributes:
        ids: Name of each image.
        groups: Lesion or patient of each; images of one group are no independent witnesses.
        ious: Overlap with the true box, in [0, 1].
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    ious: Array

    def scores(self, metric: str) -> Array:
        """Return what each image adds to a metric, in [0, 1]; their mean is the metric.

        Args:
            metric: "a50", "a80" (0 or 1 an image), "map" (share of the ten thresholds reached) or "mean_iou".
        """
        if metric == "mean_iou":
            return self.ious
        levels = {"a50": (0.5,), "a80": (0.8,), "map": THRESHOLDS}[metric]
        reached: Array = (self.ious[:, None] >= np.array(levels)).mean(axis=1)
        return reached


def read_image_ious(path: Path) -> ImageIous:
    """Read id, group and IoU of every line of a samples.jsonl, and nothing else of it, which is quick.

    Raises:
        ValueError: A line is no sample; the message names file and line.
        FileNotFoundError: There is no such file.
    """
    rows: list[tuple[str, str, float]] = []
    with path.open("rb") as file:
        for number, line in enumerate(bounded_lines(file, str(path)), start=1):
            try:
                sample = parsed(line)
                rows.append((sample["id"], sample["group"], float(sample["iou"])))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path} line {number}: not a sample ({error!r}).") from None
    ids, groups, ious = zip(*rows, strict=True) if rows else ((), (), ())
    if not all(0.0 <= iou <= 1.0 for iou in ious):
        raise ValueError(f"{path}: holds an iou that does not lie in [0, 1].")
    return ImageIous(ids, groups, np.array(ious, dtype=np.float64))
