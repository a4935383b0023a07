"""General shapes for pre-training the tiny bases: one visible object on a plain or busy background, and its box.

None of them looks like a medical image: the bases learn to localize and to answer in the format only. `difficulty`
rises from 0 to 1. At 0 there is one bright shape on a dark even background, from which a base soon learns to localize.
At 1 the object may be darker or brighter than the background, with weak contrast, gradients, texture, grain, and
clutter that can be as large as the object but has less contrast.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from medloc.boxes import Box

TILE = 14  # px; sides are multiples of it, so that the tiny processors do not resize
AREA = 112 * 112  # px


@dataclass(frozen=True)
class ShapeItem:
    """One pre-training item: an RGB image and the half-open box of its object in pixels of that image."""

    image: Image.Image
    box: Box


def draw_item(rng: np.random.Generator, difficulty: float) -> ShapeItem:
    """Draw one image with one object at `difficulty` in [0, 1]."""
    width, height = _frame(rng)
    mask, box = _object(rng, width, height)
    bright = difficulty < 0.05 or rng.random() < 0.5
    contrast = rng.uniform(0.55 - 0.40 * difficulty, 0.80 - 0.15 * difficulty)
    ground = rng.uniform(0.05, 0.95 - contrast) if bright else rng.uniform(contrast + 0.05, 0.95)
    level = ground + contrast if bright else ground - contrast
    canvas = _ground(rng, width, height, ground, difficulty)
    canvas = _clutter(rng, canvas, ground, contrast * (1 if bright else -1), difficulty)
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2) * difficulty)), dtype=np.float32)
    alpha = soft[..., None] / 255
    paint = level + rng.normal(0, 0.05 * difficulty, 3)
    canvas = canvas * (1 - alpha) + alpha * (paint + 0.3 * difficulty * (canvas - ground))
    canvas = canvas + _grain(rng, width, height, difficulty)
    return ShapeItem(Image.fromarray((np.clip(canvas, 0, 1) * 255).astype(np.uint8)), box)


def _frame(rng: np.random.Generator) -> tuple[int, int]:
    """Return width and height in px: multiples of 14, aspect 0.6 to 1.9, area of at most 112 x 112 px."""
    aspect = np.exp(rng.uniform(np.log(0.6), np.log(1.9)))
    width = int(np.sqrt(AREA * aspect) // TILE) * TILE
    height = int(np.sqrt(AREA / aspect) // TILE) * TILE
    return width, height


def _object(rng: np.random.Generator, width: int, height: int) -> tuple[Image.Image, Box]:
    """Draw a filled ellipse, rectangle, polygon or blob, sometimes cut by the border; return its mask and tight box."""
    area = width * height * np.exp(rng.uniform(np.log(0.006), np.log(0.85)))
    aspect = np.exp(rng.normal(0.1, 0.4))
    w = float(np.clip(np.sqrt(area * aspect), 8, width * 1.02))
    h = float(np.clip(np.sqrt(area / aspect), 8, height * 1.02))
    slack = 0.1 if rng.random() < 0.1 else 0.0
    cx = _between(rng, w * (0.5 - slack), width - w * (0.5 - slack))
    cy = _between(rng, h * (0.5 - slack), height - h * (0.5 - slack))
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon(_outline(rng, cx, cy, w, h), fill=255)
    found = mask.getbbox()
    if found is None or (found[2] - found[0]) < 6 or (found[3] - found[1]) < 6:
        return _object(rng, width, height)
    return mask, Box(*map(float, found))


def _between(rng: np.random.Generator, a: float, b: float) -> float:
    return rng.uniform(min(a, b), max(a, b))


def _outline(rng: np.random.Generator, cx: float, cy: float, w: float, h: float) -> list[tuple[float, float]]:
    kind = rng.integers(4)
    if kind == 0:  # rectangle
        left, top, right, bottom = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    n = int(rng.integers(3, 8)) if kind == 1 else 48
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False) + rng.uniform(0, 2 * np.pi)
    radius = np.ones(n)
    if kind == 3:  # blob
        for wave in (2, 3, 5):
            radius += rng.uniform(0, 0.22) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    xs, ys = radius * np.cos(angles), radius * np.sin(angles)
    xs = (xs - xs.min()) / np.ptp(xs) - 0.5
    ys = (ys - ys.min()) / np.ptp(ys) - 0.5
    return list(zip((cx + w * xs).tolist(), (cy + h * ys).tolist(), strict=True))


def _ground(rng: np.random.Generator, width: int, height: int, level: float, difficulty: float) -> np.ndarray:
    """Draw the background: even at difficulty 0; towards 1 with a slope, texture and tint, weaker than the object."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.15) * difficulty
    plane = level + slope * ((xs / width - 0.5) * np.cos(angle) + (ys / height - 0.5) * np.sin(angle))
    cells = int(rng.integers(3, 24))
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    texture = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    plane = plane + texture * rng.uniform(0, 0.07) * difficulty
    return plane[..., None] + rng.normal(0, 0.04 * difficulty, 3).astype(np.float32)


def _grain(rng: np.random.Generator, width: int, height: int, difficulty: float) -> np.ndarray:
    """Draw noise of standard deviation up to 0.06; its grain is 1 px, or in one image of three 2 or 3 px."""
    strength, size = 0.06 * difficulty * rng.random(), int(rng.choice([1, 1, 1, 1, 2, 3]))
    noise = rng.normal(0, strength, (-(-height // size), -(-width // size), 3))
    return noise.repeat(size, axis=0).repeat(size, axis=1)[:height, :width]


def _clutter(
    rng: np.random.Generator, canvas: np.ndarray, ground: float, contrast: float, difficulty: float
) -> np.ndarray:
    """Draw distractors: dots and thin lines of up to 60 % of the object's contrast, patches and bands of up to 40 %."""
    height, width = canvas.shape[:2]
    for _ in range(rng.binomial(6, 0.6 * difficulty)):
        layer = Image.new("L", (width, height))
        pen = ImageDraw.Draw(layer)
        x, y, kind = rng.uniform(0, width), rng.uniform(0, height), rng.integers(4)
        angle, length = rng.uniform(0, np.pi), rng.uniform(8, 60)
        along, strongest = (length * np.cos(angle), length * np.sin(angle)), 0.6
        if kind == 0:  # dot
            r = rng.uniform(1, 4)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
        elif kind == 1:  # thin line
            pen.line((x, y, x + along[0], y + along[1]), fill=255, width=1)
        elif kind == 2:  # patch
            strongest = 0.4
            pen.ellipse((x - length / 2, y - 15, x + length / 2, y + 15), fill=255)
        else:  # band from one border to the other
            strongest, far = 0.4, 200.0 / length
            ends = (x - far * along[0], y - far * along[1], x + far * along[0], y + far * along[1])
            pen.line(ends, fill=255, width=int(rng.integers(2, 16)))
        tone = ground + contrast * rng.choice([-1, 1]) * rng.uniform(0.1, strongest)
        alpha = np.asarray(layer, dtype=np.float32)[..., None] / 255
        canvas = canvas * (1 - alpha) + alpha * tone
    return canvas
