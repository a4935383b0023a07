"""Accuracy at IoU thresholds, the paper's pseudo-mAP, mean IoU and parse rate, as fractions, in one pass."""

from bisect import bisect_right
from collections.abc import Iterable

from medloc.runs import Scores

THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""0.50, 0.55 ... 0.95, each the float nearest to its decimal, so that an IoU of 0.55 reaches 0.55."""


def scores_of(ious: Iterable[float | None], texts: bool = True) -> Scores:
    """Compute all metrics from one IoU per image; none of them is stored.

    Args:
        ious: IoUs in [0, 1]; None for an answer without a box, which counts as 0.
        texts: whether boxes were read from texts; otherwise there is no parse rate.

    Returns:
        `n`; `a50` and `a80`, the shares with IoU >= 0.5 and >= 0.8 (the paper's A@0.5 and A@0.8); `map`, the mean of
        the shares at the ten `THRESHOLDS` (the pseudo-mAP of section 4.1); `mean_iou`; `parse_rate`, the share of
        answers that hold a box. Fractions in [0, 1]; None where `n` is 0 or the number has no meaning.

    Raises:
        ValueError: an IoU is not in [0, 1].
    """
    reached = [0] * (len(THRESHOLDS) + 1)  # images by how many of the thresholds their IoU reaches
    parsed, total = 0, 0.0
    for iou in ious:
        value = 0.0 if iou is None else iou
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"iou={value} must lie in [0, 1].")
        reached[bisect_right(THRESHOLDS, value)] += 1
        parsed += iou is not None
        total += value
    n = sum(reached)
    if n == 0:
        return {"n": 0, "a50": None, "a80": None, "map": None, "mean_iou": None, "parse_rate": None}
    hits = [sum(reached[rank:]) for rank in range(1, len(reached))]
    return {
        "n": n,
        "a50": hits[0] / n,
        "a80": hits[THRESHOLDS.index(0.8)] / n,
        "map": sum(hits) / (n * len(THRESHOLDS)),
        "mean_iou": total / n,
        "parse_rate": parsed / n if texts else None,
    }
