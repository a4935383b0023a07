"""One image with one box: what every loader produces and everything downstream consumes."""

from dataclasses import dataclass
from pathlib import Path

from medloc.boxes import Box


@dataclass(frozen=True)
class Example:
    """One grounding task.

    Attributes:
        id: Unique within its data set and the same on every machine.
        image: The image file.
        width: Width of the image in px.
        height: Height of the image in px.
        box: The true box, half-open, in px of the image.
        group: Lesion or patient, for splits and paired tests; the image itself where neither is known.
        label: Class name such as nv, malignant or normal; "" where unknown.
        mask: The mask file that the box was measured on; None in a data set of boxes. Only the specialist reads it.
    """

    id: str
    image: Path
    width: int
    height: int
    box: Box
    group: str
    label: str
    mask: Path | None = None
