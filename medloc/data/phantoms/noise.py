"""Noise fields, computed once a process and cut into random windows: fresh ones per image would cost more.

The big fields come from fixed seeds; the window (place and mirroring) comes from the image's own generator.
"""

from functools import cache

import numpy as np
from scipy import ndimage

from medloc.data.phantoms.canvas import Array

FIELD = (800, 1400)
"""Height and width in px of the big fields: several times the largest phantom."""

LATERAL, AXIAL = 3.5, 0.8
"""Blur of the complex speckle in px: half the (7, 1.6) that fits TN3K at its native size."""


FLOOR = -25.0
"""Deepest speckle hole in dB; below it 8 bit show nothing more."""


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

    It is 20 log10 of the envelope of complex Gaussian noise. Its sd is
    about 5.57 dB, that of a log-compressed Rayleigh envelope; no value lies below FLOOR.
    """
    return _window(rng, _speckle_field(), height, width)


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
