"""A contact sheet: many examples on one picture, true boxes drawn, to see what a data set looks like."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from medloc.data.example import Example

TILE = (200, 170)  # px
GAP = 4  # px
TRUTH = (0, 255, 0)


def contact_sheet(examples: Sequence[Example], path: Path, columns: int = 6) -> None:
    """Write a PNG with one tile an example, in reading order, the true box in green.

    Args:
        examples: What to show, at least one.
        path: The PNG to write.
        columns: Tiles in a row.
    """
    rows = -(-len(examples) // columns)
    sheet = Image.new("RGB", (columns * (TILE[0] + GAP), rows * (TILE[1] + GAP)))
    for i, example in enumerate(examples):
        place = ((i % columns) * (TILE[0] + GAP), (i // columns) * (TILE[1] + GAP))
        sheet.paste(_tile(example), place)
    sheet.save(path)


def _tile(example: Example) -> Image.Image:
    with Image.open(example.image) as image:
        tile = image.convert("RGB")
    scale = min(TILE[0] / tile.width, TILE[1] / tile.height)
    tile = tile.resize((max(1, round(tile.width * scale)), max(1, round(tile.height * scale))))
    ImageDraw.Draw(tile).rectangle(example.box.scaled(scale, scale).as_list(), outline=TRUTH)
    return tile
