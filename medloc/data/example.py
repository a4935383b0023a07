"""The types that everything else speaks of: an example (one image with one box), and what a data set offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageColor

from medloc.boxes import Box

if TYPE_CHECKING:
    from medloc.data.files import Problems
    from medloc.data.formats.masks import Pair
    from medloc.data.manifest import ManifestRow
    from medloc.data.phantoms import Phantoms
    from medloc.data.splits import Split
    from medloc.spec.dataset import DatasetSettings

Notes = tuple[str, ...]
"""One line each on what was left out of a data set or should be known of it."""


@dataclass(frozen=True)
class Coding:
    """What is foreground in the masks of a set.

    Attributes:
        foreground: A value (of a palette: its index), a colour, "nonzero" or "alpha"; "" takes white, or 1 of 0 and 1.
        invert: Whether that is the background.
        min_area: Px of the smallest component that counts.
        known: Whether the set is published and coded in white, so that no mask of it needs a doubt.
    """

    foreground: str = ""
    invert: bool = False
    min_area: int = 1
    known: bool = False

    def __post_init__(self) -> None:
        """Check the foreground.

        Raises:
            ValueError: It is none of the above.
        """
        if self.foreground and not self.foreground.isdecimal() and self.foreground not in ("nonzero", "alpha"):
            try:
                ImageColor.getrgb(self.foreground)
            except ValueError:
                known = "a value, a colour such as red or #800000, nonzero or alpha"
                raise ValueError(f"foreground {self.foreground!r:.80} is not known; use {known}.") from None


PLAIN = Coding()


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
        coding: How that is read.
    """

    id: str
    image: Path
    width: int
    height: int
    box: Box
    group: str
    label: str
    mask: Path | None = None
    coding: Coding = PLAIN


@dataclass(frozen=True)
class DataSet:
    """All that the package knows of one data set; `medloc.data.sets.SETS` holds them.

    Attributes:
        name: As in `dataset=name`.
        title: As tables print it.
        splits: The values of `dataset.split`, the default first.
        folds: Whether `foldKofN`, a part of a cross-validation, is offered too.
        target: What is looked for; "" where its manifest says it.
        prompt: The question; "" where its manifest says it.
        read: Reads the images and boxes of a set without `pairs`, None where its manifest lists them.
        split: Divides the examples, so many of them to be tested; None where the files name the parts.
        parts: Part of the run -> part in the files, where the files name parts.
        pairs: Finds the images of one part with their masks, and counts what has no partner; None without masks.
        recognises: Whether a data folder with these files is this set.
        class_of: The class of an image by its path in a data folder, "" where unknown.
        phantoms: Draws images in its place; None where nothing can.
        known_to_tiny: Whether the tiny bases are pre-trained on its question. A change means pre-training them again.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    folds: bool = False
    target: str = ""
    prompt: str = ""
    read: Callable[[Path, DatasetSettings, Problems], list[ManifestRow]] | None = None
    split: Callable[[DatasetSettings, Sequence[Example], int], tuple[Split[Example], Notes]] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    pairs: Callable[[Path, str], tuple[list[Pair], Counter[str]]] | None = None
    recognises: Callable[[Path, Sequence[Path]], bool] = lambda root, files: False
    class_of: Callable[[Path, Path], str] = lambda root, path: ""
    phantoms: Phantoms | None = None
    known_to_tiny: bool = False
