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
STARTS = 6  # boxes of the coarse search from which the fine one sets out


def best_constant_box(examples: Sequence[Example], threshold: float = 0.5) -> Box:
    """Return the box in [0, 1] units that most examples meet with IoU >= `threshold`.

    A coarse search over centres and sides, then steps along each edge while accuracy (ties: mean IoU) rises.

    Args:
        examples: Training examples, at least one.
        threshold: IoU that counts as a hit, in (0, 1].
    """
    boxes = normalised(examples)
    some = boxes[:: -(-len(boxes) // COARSE_ON)]
    starts = sorted(_coarse(), key=lambda box: _worth(box, some, threshold), reverse=True)[:STARTS]
    ends = [_refined(start, boxes, threshold) for start in starts]
    return Box(*max(ends, key=lambda box: _worth(box, boxes, threshold)))


def median_box(examples: Sequence[Example]) -> Box:
    """Return the box in [0, 1] units whose edges are the medians of all edges."""
    return Box(*np.median(normalised(examples), axis=0).tolist())


def constant_box_ious(box: Box, examples: Sequence[Example]) -> list[float]:
    """Return the IoU of one box in [0, 1] units with the true box of each example, in order."""
    ious: list[float] = _ious(tuple(box.as_list()), normalised(examples)).tolist()
    return ious


def normalised(examples: Sequence[Example]) -> Boxes:
    """Return the true boxes in [0, 1] units, one row an example."""
    sides = np.array([[e.width, e.height, e.width, e.height] for e in examples], dtype=np.float64)
    return np.array([e.box.as_list() for e in examples], dtype=np.float64) / sides


Edges = tuple[float, ...]


def _coarse() -> list[Edges]:
    """All boxes on the coarse grid that lie inside the image."""
    spans = [(c - s / 2, c + s / 2) for c in CENTRES for s in SIDES]
    inside = [(float(a), float(b)) for a, b in spans if a >= -1e-9 and b <= 1 + 1e-9]
    return [(x0, y0, x1, y1) for x0, x1 in inside for y0, y1 in inside]


def _refined(box: Edges, boxes: Boxes, threshold: float) -> Edges:
    for step in REFINEMENT:
        box = _climb(box, boxes, threshold, step)
    return box


def _climb(best: Edges, boxes: Boxes, threshold: float, step: float) -> Edges:
    worth = _worth(best, boxes, threshold)
    while True:
        moved = [_moved(best, edge, sign * step) for edge in range(4) for sign in (-1, 1)]
        candidate = max(moved, key=lambda box: _worth(box, boxes, threshold))
        if _worth(candidate, boxes, threshold) <= worth:
            return best
        best, worth = candidate, _worth(candidate, boxes, threshold)


def _moved(box: Edges, edge: int, by: float) -> Edges:
    return tuple(min(1.0, max(0.0, v + by * (i == edge))) for i, v in enumerate(box))


def _worth(box: Edges, boxes: Boxes, threshold: float) -> tuple[float, float]:
    ious = _ious(box, boxes)
    return float((ious >= threshold).mean()), round(float(ious.mean()), 9)


def _ious(box: Edges, boxes: Boxes) -> npt.NDArray[np.float64]:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    overlap = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = areas + (box[2] - box[0]) * (box[3] - box[1]) - overlap
    ious: npt.NDArray[np.float64] = overlap / union
    return ious
