"""What an answer is worth that never looks at the image: one normalised box for all of them.

A data set whose lesions sit in the middle rewards this more than many models: on HAM10000 the best constant
box reaches A@0.5 of about 0.58. It stands in every accuracy table, fitted on the training boxes only.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medloc.boxes import Box
from medloc.data.example import Example

Boxes = npt.NDArray[np.float64]  # one row x0, y0, x1, y1 in [0, 1] per example

CENTRES = np.linspace(0.2, 0.8, 13)
SIDES = np.geomspace(0.1, 1.0, 13)
REFINEMENT = (0.05, 0.02, 0.01)  # steps of the search around the best coarse box
COARSE_ON = 500  # examples at most for the coarse search
TOGETHER = 128  # boxes that are compared with all examples at once
STEPS = np.array([[sign * (edge == i) for i in range(4)] for edge in range(4) for sign in (-1, 1)])
STARTS = 6  # boxes of the coarse search from which the fine one sets out


def best_constant_box(examples: Sequence[Example], threshold: float = 0.5) -> Box:
    """Return the box in [0, 1] units that most examples meet with IoU >= `threshold`.

    A coarse search over centres and sides, then steps along each edge while accuracy (ties: mean IoU) rises.

    Args:
        examples: Training examples, at least one.
        threshold: IoU that counts as a hit, in (0, 1].
    """
    boxes = normalised(examples)
    spans = [(c - s / 2, c + s / 2) for c in CENTRES for s in SIDES]
    inside = [(a, b) for a, b in spans if a >= -1e-9 and b <= 1 + 1e-9]
    coarse = np.array([(x0, y0, x1, y1) for x0, x1 in inside for y0, y1 in inside])
    worth = _worth(coarse, boxes[:: -(-len(boxes) // COARSE_ON)], threshold)
    starts = sorted(range(len(coarse)), key=worth.__getitem__, reverse=True)[:STARTS]
    ends = np.array([_refined(coarse[start], boxes, threshold) for start in starts])
    worth = _worth(ends, boxes, threshold)
    return Box(*ends[worth.index(max(worth))].tolist())


def median_box(examples: Sequence[Example]) -> Box:
    """Return the box in [0, 1] units whose edges are the medians of all edges."""
    return Box(*np.median(normalised(examples), axis=0).tolist())


def constant_box_ious(box: Box, examples: Sequence[Example]) -> list[float]:
    """Return the IoU of one box in [0, 1] units with the true box of each example, in order."""
    ious: list[float] = _ious(np.array(box.as_list()), normalised(examples)).tolist()
    return ious


def normalised(examples: Sequence[Example]) -> Boxes:
    """Return the true boxes in [0, 1] units, one row an example."""
    sides = np.array([[e.width, e.height, e.width, e.height] for e in examples], dtype=np.float64)
    return np.array([e.box.as_list() for e in examples], dtype=np.float64) / sides


def _refined(best: Boxes, boxes: Boxes, threshold: float) -> Boxes:
    """Climb from one box: move the one edge that gains most, by ever smaller steps."""
    worth = _worth(best[None], boxes, threshold)[0]
    for step in REFINEMENT:
        while True:
            moved = np.clip(best + step * STEPS, 0.0, 1.0)
            gains = _worth(moved, boxes, threshold)
            if max(gains) <= worth:
                break
            best, worth = moved[gains.index(max(gains))], max(gains)
    return best


def _worth(candidates: Boxes, boxes: Boxes, threshold: float) -> list[tuple[float, float]]:
    """Return accuracy and mean IoU of every candidate."""
    found: list[tuple[float, float]] = []
    for some in np.array_split(candidates, -(-len(candidates) // TOGETHER)):
        ious = _ious(some[:, None], boxes)
        found += zip((ious >= threshold).mean(axis=1).tolist(), ious.mean(axis=1).tolist(), strict=True)
    return [(accuracy, round(mean, 9)) for accuracy, mean in found]


def _ious(one: Boxes, boxes: Boxes) -> Boxes:
    low, high = np.maximum(boxes[:, :2], one[..., :2]), np.minimum(boxes[:, 2:], one[..., 2:])
    overlap = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(one[..., 2:] - one[..., :2], axis=-1)
    ious: Boxes = overlap / (areas - overlap)
    return ious
