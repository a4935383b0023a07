"""A contact sheet: many examples on one picture, true boxes drawn, to see what a data set looks like."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from medloc.boxes import Box
from medloc.data.images import open_image

TILE = (200, 170)  # px
GAP = 4  # px
TRUTH = (0, 255, 0)


COLUMNS = 6
"""Tiles in a row."""


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
