"""Draw outlines, soft nested fills, fine strokes and noise: what all three modalities share.

A lesion is two nested outlines. The inner one bounds the *core*, which anybody sees; the outer one bounds the
*truth*, and the fading *periphery* between them is what has to be learnt.
Noise fields are computed once per process from fixed seeds and cut into random windows; the window (place and
mirroring) comes from the image's own generator. Fresh fields per image would cost more.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

Array = npt.NDArray[Any]
Size = tuple[int, int]
Range = tuple[float, float]

RINGS = 6
"""Steps in which the periphery fades; blurred, they look continuous."""

FIELD = (800, 1400)
"""Height and width in px of the big fields: several times the largest phantom."""

LATERAL, AXIAL = 3.5, 0.8
"""Blur of the complex speckle in px: half the (7, 1.6) that fits TN3K at its native size."""

FLOOR = -25.0
"""Deepest speckle hole in dB; below it 8 bit show nothing more."""


@dataclass(frozen=True)
class Phantom:
    """One drawn image, the mask of its true extent (bool, height x width) and the name of its class."""

    image: Image.Image
    mask: Array
    label: str


def outline(rng: np.random.Generator, lumps: float, points: int = 48) -> Array:
    """Return an irregular closed curve that just fits the unit square around 0.

    Args:
        rng: Source of the shape.
        lumps: 0 for an ellipse; at 0.15 the curve fills about 0.72 of its box, as HAM10000's lesions do.
        points: Number of corners of the polygon.
    """
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    radius = np.ones(points)
    for wave in (2, 3, 4, 5, 7):
        radius += lumps * rng.normal(0, 1 / np.sqrt(wave)) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.3)
    corners = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    low, high = corners.min(axis=0), corners.max(axis=0)
    unit: Array = (corners - low) / (high - low) - 0.5
    return unit


def shrunk(points: Array, halo: float, lean: Array) -> Array:
    """Return the core of a truth outline: `halo` times smaller, off-centre by `lean`.

    Args:
        points: The truth's outline in px.
        halo: Linear size of the truth over that of the core, >= 1.
        lean: Shift in x and y in [-1, 1]; at 1 the core's box touches the truth's box on that side.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    shift = lean * (high - low) / 2 * (1 - 1 / halo)
    core: Array = centre + shift + (points - centre) / halo
    return core


def draw_mask(size: Size, points: Array) -> Array:
    """Return the bool mask, height x width, of the polygon in a frame of `size` (width, height)."""
    return fill(size, points) > 0


def fill(size: Size, points: Array, blur: float = 0.0) -> Array:
    """Return the polygon as a float field in [0, 1], its edge softened by `blur` px."""
    return fill_all(size, [(points, 1.0)], blur)


def fill_all(size: Size, parts: list[tuple[Array, float]], blur: float) -> Array:
    """Return several polygons with a value in [0, 1] each as one field; later ones cover earlier ones."""
    layer = Image.new("L", size)
    pen = ImageDraw.Draw(layer)
    for points, value in parts:
        pen.polygon(_corners(points), fill=round(255 * value))
    return _soft(layer, blur)


def nested(size: Size, truth: Array, core: Array, periphery: Range, blur: float) -> Array:
    """Return 1 in the core, outside it fading from `periphery[0]` to `periphery[1]` at the truth's edge."""
    parts = []
    for step in range(RINGS):
        inward = step / (RINGS - 1)
        ring = truth + (core - truth) * inward * (RINGS - 1) / RINGS
        parts.append((ring, periphery[1] + (periphery[0] - periphery[1]) * inward))
    return fill_all(size, [*parts, (core, 1.0)], blur)


def strokes(size: Size, lines: list[Array], width: int = 1, blur: float = 0.0) -> Array:
    """Return polylines of `width` px as a float field in [0, 1]."""
    layer = Image.new("L", size)
    pen = ImageDraw.Draw(layer)
    for line in lines:
        pen.line(_corners(line), fill=255, width=width)
    return _soft(layer, blur)


def curve(start: Array, bend: Array, end: Array, points: int = 12) -> Array:
    """Return a quadratic Bezier curve as a polyline."""
    t = np.linspace(0, 1, points)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end


def blend(canvas: Array, tone: float | Array, alpha: Array) -> Array:
    """Return `canvas` with `tone` laid over it where `alpha` is 1."""
    return canvas + alpha * (tone - canvas)


def pick(rng: np.random.Generator, span: Range) -> float:
    """Draw uniformly from the range of a dial."""
    return float(rng.uniform(*span))


def capped(share: float, knee: float, limit: float) -> float:
    """Return `share` below `knee`, above it a value that approaches `limit` smoothly and never passes it."""
    if share <= knee:
        return share
    return knee + (limit - knee) * float(np.tanh((share - knee) / (limit - knee)))


def in_one_piece(mask: Array) -> bool:
    """Whether a mask is exactly one 8-connected component."""
    return bool(ndimage.label(mask, np.ones((3, 3)))[1] == 1)


def gray_image(canvas: Array) -> Image.Image:
    """Return a field of gray levels 0 to 255 (or of RGB triples) as an image."""
    return Image.fromarray(np.clip(canvas + 0.5, 0, 255).astype(np.uint8))


def grain(rng: np.random.Generator, height: int, width: int) -> Array:
    """Return fine noise of unit variance, correlated over about a pixel."""
    return _window(rng, _smooth(1, 0.6), height, width)


def mottle(rng: np.random.Generator, height: int, width: int) -> Array:
    """Return blotchy noise of unit variance with spots of about 10 px."""
    return _window(rng, _smooth(2, 4.0), height, width)


def clouds(rng: np.random.Generator, height: int, width: int) -> Array:
    """Return slow noise of unit variance with spots of about 50 px."""
    return _window(rng, _smooth(3, 20.0), height, width)


def speckle(rng: np.random.Generator, height: int, width: int) -> Array:
    """Return log-compressed ultrasound speckle in dB around 0.

    It is 20 log10 of the envelope of complex Gaussian noise. Its sd is about 5.57 dB, that of a log-compressed
    Rayleigh envelope; no value lies below FLOOR.
    """
    return _window(rng, _speckle_field(), height, width)


def _soft(layer: Image.Image, blur: float) -> Array:
    if blur > 0:
        layer = layer.filter(ImageFilter.GaussianBlur(float(blur)))
    return np.asarray(layer, dtype=np.float32) / 255


def _corners(points: Array) -> list[tuple[float, float]]:
    corners: list[tuple[float, float]] = list(map(tuple, points.tolist()))
    return corners


def _window(rng: np.random.Generator, field: Array, height: int, width: int) -> Array:
    top = rng.integers(field.shape[0] - height + 1)
    left = rng.integers(field.shape[1] - width + 1)
    cut = field[top : top + height, left : left + width]
    return cut[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]


@cache
def _smooth(seed: int, sigma: float) -> Array:
    field: Array = ndimage.gaussian_filter(_white(seed), sigma, mode="wrap")
    field -= field.mean()
    field /= field.std()
    return field


@cache
def _speckle_field() -> Array:
    real, imaginary = (ndimage.gaussian_filter(_white(s), (AXIAL, LATERAL), mode="wrap") for s in (4, 5))
    decibels: Array = 20 * np.log10(np.hypot(real, imaginary) + 1e-9)
    decibels -= decibels.mean()
    return np.maximum(decibels, FLOOR, dtype=np.float32)


def _white(seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(FIELD, dtype=np.float32)
