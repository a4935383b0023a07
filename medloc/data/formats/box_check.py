"""Whether four numbers are a box inside an image: one rule for every form in which boxes arrive."""

import math

from medloc.boxes import Box

SLACK = 1.0
"""Px that a foreign tool's box may reach beyond its image, as rounding makes it do. It is cut, and counted."""


def checked_box(box: Box, width: int, height: int, slack: float = 0.0) -> Box:
    """Return a box that lies in its image, cut to it where it reaches at most `slack` px beyond.

    Raises:
        ValueError: it is no box, or reaches further beyond.
    """
    values = ",".join(f"{value:g}" for value in box.as_list())
    if not all(map(math.isfinite, box.as_list())) or box.width <= 0 or box.height <= 0:
        raise ValueError(f"{values} is not a box; xmin < xmax and ymin < ymax must hold.")
    cut = Box(max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
    beyond = max(abs(a - b) for a, b in zip(box.as_list(), cut.as_list(), strict=True))
    if beyond > slack or cut.width <= 0 or cut.height <= 0:
        raise ValueError(f"the box {values} reaches beyond its image of {width}x{height} px.")
    return cut
