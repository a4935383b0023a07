"""What a segmentation network is taught: the foreground inside the true box, on the network's own grid."""

import numpy as np
from PIL import Image

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.formats.mask import read_foreground


def target_mask(example: Example, side: int) -> np.ndarray:
    """Return a bool array of `side` x `side`: a cell is foreground if more than half of it is.

    Foreground outside the true box belongs to components that `dataset.boxes` left out. A data set of boxes has no
    masks (HEEL); there the filled box is the foreground, whose box is the answer wanted.

    Raises:
        ValueError: if the mask file does not open as an image; the message names it.
    """
    inside = filled(example.box, example.width, example.height)
    full = inside if example.mask is None else inside & read_foreground(example.mask)
    shares = Image.fromarray(full.astype(np.float32)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(shares) > 0.5


def filled(box: Box, width: int, height: int) -> np.ndarray:
    """Return the bool array of a `width` x `height` image whose pixels with centres in `box` are true."""
    xs, ys = np.arange(width) + 0.5, np.arange(height) + 0.5
    return ((ys >= box.y0) & (ys < box.y1))[:, None] & ((xs >= box.x0) & (xs < box.x1))[None, :]
