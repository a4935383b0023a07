"""Open images, and draw them with their boxes on one contact sheet."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from medloc.boxes import Box
from medloc.data.files import PIXELS

ORIENTATION = 0x0112  # the EXIF tag

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
"""What is tried, whatever a file is called: Pillow's other decoders are never let near a file."""

WIDE = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Pillow's modes of one channel with more than 8 bits."""

PERCENTILES = (0.5, 99.5)
"""What becomes black and white of an image with more than 8 bits; between them levels are scaled linearly."""

TILE = (200, 170)  # px
GAP = 4  # px
TRUTH = (0, 255, 0)
COLUMNS = 6
"""Tiles in a row."""


@contextmanager
def opened(path: Path, what: str = "image") -> Iterator[Image.Image]:
    """Open a file as an image; what its decoder raises in the block becomes one line.

    Args:
        path: the file.
        what: "image" or "mask", for the message.

    Raises:
        ValueError: the file does not open, or has more than `PIXELS` pixels; the message names it.
    """
    try:
        # Warnings speak of odd tags and large images: what matters raises
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as file:
            if file.width * file.height > PIXELS:
                raise ValueError(f"{file.width}x{file.height} px are more than {PIXELS}")
            yield file
    except Exception as error:  # a decoder may raise anything on a broken file
        raise ValueError(f"{path}: this {what} does not open ({error}); replace or remove it.") from error


def open_image(path: Path) -> Image.Image:
    """Return the image as RGB; grayscale is repeated over the channels, EXIF orientation is left alone as in masks.

    Of an image with more than 8 bits, `PERCENTILES` of its own levels become black and white.

    Raises:
        ValueError: the file does not open as an image, or holds levels that are no numbers; the message names it.
    """
    with opened(path) as image:
        if image.mode not in WIDE:
            return image.convert("RGB")
        levels = np.asarray(image, dtype=np.float64)
        if not np.isfinite(levels).all():
            raise ValueError("levels that are no numbers")
        low, high = np.percentile(levels, PERCENTILES)
        if low == high:  # small bright things on an even ground
            low, high = levels.min(), max(levels.max(), levels.min() + 1)
        scaled = np.clip((levels - low) / (high - low), 0, 1) * 255
        return Image.fromarray(scaled.round().astype(np.uint8)).convert("RGB")


def image_size(path: Path) -> tuple[int, int]:
    """Return width and height in px from the header, as stored: no EXIF rotation, no decoding.

    Raises:
        ValueError: if the file does not open as an image; the message names it.
    """
    with opened(path) as image:
        return image.size


def oddities(path: Path, what: str = "image") -> list[str]:
    """Return what is odd about a file whose pixels are taken as they are stored, in words that can be counted.

    Raises:
        ValueError: if the file does not open; the message names it.
    """
    with opened(path, what) as image:
        odd = {
            f"{what}s with a palette": image.mode == "P",
            f"{what}s that EXIF would turn, taken as stored": image.getexif().get(ORIENTATION, 1) != 1,
            f"images with more than 8 bits, scaled from their {PERCENTILES[0]:g} and {PERCENTILES[1]:g} percentiles": (
                image.mode in WIDE and what == "image"
            ),
        }
    return [words for words, holds in odd.items() if holds]


def boxes_sheet(images: Sequence[tuple[Path, Sequence[Box]]], path: Path, columns: int = COLUMNS) -> None:
    """Write a PNG with one tile an image, in reading order, all its boxes in green.

    Args:
        images: Image files with their boxes, at least one.
        path: The PNG to write.
        columns: Tiles in a row.

    Raises:
        ValueError: an image does not open; the message names it.
    """
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (TILE[0] + GAP), rows * (TILE[1] + GAP)))
    for i, (image, boxes) in enumerate(images):
        place = ((i % columns) * (TILE[0] + GAP), (i // columns) * (TILE[1] + GAP))
        sheet.paste(_tile(image, boxes), place)
    sheet.save(path, format="PNG")


def _tile(image: Path, boxes: Sequence[Box]) -> Image.Image:
    tile = open_image(image)
    scale = min(TILE[0] / tile.width, TILE[1] / tile.height)
    tile = tile.resize((max(1, round(tile.width * scale)), max(1, round(tile.height * scale))))
    for box in boxes:
        ImageDraw.Draw(tile).rectangle(box.scaled(scale, scale).as_list(), outline=TRUTH)
    return tile
