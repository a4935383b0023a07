"""The manifest: one JSON line a data set, then one JSON line an image, whatever form the boxes had before.

docs/formats.md describes it for people who write their own.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medloc.boxes import Box
from medloc.runs.atomic import atomic_writer

VERSION = 1
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Header:
    """What holds for every image.

    Attributes:
        name: Short name of the data set.
        target: What is looked for, as in "the box of the {target}".
        prompt: The question put to a model; None is made from the target.
        origin: "phantom" for drawn images, otherwise a word on where the images come from, such as "real".
        root: The data folder, absolute or relative to the manifest; every path is relative to it.
    """

    name: str
    target: str
    prompt: str | None = None
    origin: str = "real"
    root: str = "."


@dataclass(frozen=True)
class ManifestRow:
    """One image.

    Attributes:
        id: Unique in the manifest.
        image: Path of the file below the data folder, with forward slashes.
        width: Width in px, as stored: no EXIF rotation.
        height: Height in px.
        boxes: Half-open, in px, inside the image; none where the target is not to be seen.
        areas: Foreground px of each box's component, where the boxes come from masks; None otherwise.
        label: Class of the image, "" where unknown.
        group: Lesion or patient; the id where unknown.
        split: One of `PARTS`; None where training is to divide the images.
        masks: Paths of the mask files below the data folder.
    """

    id: str
    image: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    areas: tuple[int, ...] | None = None
    label: str = ""
    group: str = ""
    split: str | None = None
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """A manifest as read or to be written.

    Attributes:
        header: what holds for every image.
        rows: the images, in the order of the file.
        lines: the line of each row.
    """

    header: Header
    rows: tuple[ManifestRow, ...]
    lines: tuple[int, ...] = field(default=(), compare=False)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all."""
    with atomic_writer(path) as file:
        for content in ({"medloc_manifest": VERSION, **vars(manifest.header)}, *map(_written, manifest.rows)):
            file.write(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")


def _written(row: ManifestRow) -> dict[str, Any]:
    """Leave out what a row does not have, so that a manifest stays easy to read."""
    content = {**vars(row), "boxes": [list(map(_short, box.as_list())) for box in row.boxes]}
    content["areas"], content["masks"] = row.areas and list(row.areas), list(row.masks)
    return {key: value for key, value in content.items() if value or key == "boxes"}


def _short(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value
