"""Accuracy at IoU thresholds, the paper's pseudo-mAP, mean IoU and parse rate, as fractions, in one pass."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from medloc.runs import Scores

THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""0.50, 0.55 ... 0.95, each the float nearest to its decimal, so that an IoU of 0.55 reaches 0.55."""


@dataclass(frozen=True)
class Metrics:
    """Metrics over `n` images, as fractions in [0, 1]; None where `n` is 0 or the number has no meaning.

    Attributes:
        n: Number of images.
        a50: Share with IoU >= 0.5 (the paper's A@0.5).
        a80: Share with IoU >= 0.8 (A@0.8).
        map: Mean of the shares at the ten `THRESHOLDS` (the pseudo-mAP of section 4.1).
        mean_iou: Mean IoU; an answer without a box counts 0.
        parse_rate: Share of answers that hold a box; None for boxes that no text was parsed for.
    """

    n: int
    a50: float | None
    a80: float | None
    map: float | None
    mean_iou: float | None
    parse_rate: float | None

    @classmethod
    def of(cls, ious: Iterable[float], parsed: int | None = None) -> "Metrics":
        """Compute all metrics from one IoU per image.

        Args:
            ious: IoUs in [0, 1]; 0 for an answer without a box.
            parsed: Number of answers that hold a box; None for boxes that no text was parsed for.
        """
        tally = Tally()
        for iou in ious:
            tally.add(iou)
        metrics = tally.metrics()
        parse_rate = None if parsed is None or metrics.n == 0 else parsed / metrics.n
        return replace(metrics, parse_rate=parse_rate)

    def as_dict(self) -> Scores:
        """Return the metrics as a record stores them."""
        return {
            "n": self.n,
            "a50": self.a50,
            "a80": self.a80,
            "map": self.map,
            "mean_iou": self.mean_iou,
            "parse_rate": self.parse_rate,
        }


def accuracy(ious: Iterable[float], threshold: float) -> float | None:
    """Return the share of IoUs with `iou >= threshold`; None for no IoUs."""
    hits = [iou >= threshold for iou in ious]
    return sum(hits) / len(hits) if hits else None


@dataclass
class Tally:
    """Counts images one by one and stores none of them.

    Attributes:
        reached: Number of images by how many of the ten thresholds their IoU reaches, 0 to 10.
        parsed: Number of answers that held a box.
        total_iou: Sum of the IoUs.
    """

    reached: list[int] = field(default_factory=lambda: [0] * (len(THRESHOLDS) + 1))
    parsed: int = 0
    total_iou: float = 0.0

    def add(self, iou: float, parsed: bool = True) -> None:
        """Count one image.

        Raises:
            ValueError: The IoU is not in [0, 1].
        """
        if not 0.0 <= iou <= 1.0:
            raise ValueError(f"iou={iou} must lie in [0, 1].")
        self.reached[bisect_right(THRESHOLDS, iou)] += 1
        self.parsed += parsed
        self.total_iou += iou

    def metrics(self) -> Metrics:
        """Return the metrics of the images counted so far."""
        n = sum(self.reached)
        if n == 0:
            return Metrics(0, None, None, None, None, None)
        hits = [sum(self.reached[rank:]) for rank in range(1, len(self.reached))]
        a80 = hits[THRESHOLDS.index(0.8)] / n
        mean_accuracy = sum(hits) / (n * len(THRESHOLDS))
        return Metrics(n, hits[0] / n, a80, mean_accuracy, self.total_iou / n, self.parsed / n)
