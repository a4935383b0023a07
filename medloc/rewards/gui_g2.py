"""GUI-G2's Gaussian coverage: two boxes seen as normal distributions, and how much these overlap."""

import math

from medloc.boxes import Box
from medloc.rewards.base import Answer, Moment

SIGMA = 0.5
"""Standard deviation of a box's Gaussian as a share of its width or height."""


def gui_g2(answer: Answer, moment: Moment) -> float:
    """Return the Bhattacharyya coefficient exp(-D) of both boxes' Gaussians, in [0, 1].

    GUI-G2 (arXiv:2507.15846), coverage reward: D = 1/8 d' S^-1 d + 1/2 ln(det S / sqrt(det S1 det S2)), with d between
    the centres, S1 and S2 diagonal with (0.5 width)^2 and (0.5 height)^2, S = (S1 + S2) / 2. Above 0 without any
    overlap; 0 where there is no box or it has no area. Its point and format rewards are left out, as are its code's
    1e-8 in the determinants and rounding to three decimals.
    """
    box, truth = answer.box, answer.truth
    if not isinstance(box, Box) or min(box.area, truth.area) <= 0.0:
        return 0.0
    across = _distance(box.x0 + box.x1 - truth.x0 - truth.x1, box.width, truth.width)
    down = _distance(box.y0 + box.y1 - truth.y0 - truth.y1, box.height, truth.height)
    return math.exp(-(across + down))


def _distance(offset: float, extent: float, true_extent: float) -> float:
    """Return one axis's part of D; `offset` is twice the distance of the centres."""
    a, b = SIGMA * extent, SIGMA * true_extent
    variance = (a * a + b * b) / 2
    return (offset / 2) ** 2 / (8 * variance) + 0.5 * math.log(variance / (a * b))
