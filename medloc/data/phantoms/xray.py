"""Draw and write lateral foot X-ray phantoms after HEEL: many bright bones; one, with what surrounds it, is asked for.

Both sides 200 to 400 px, about half of what such images have. HEEL's own boxes are not public, so the true
area (0.03 to 0.15 of the image) and the place (heel low at one end, left or right) are our choice.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from medloc.data.files import progress
from medloc.data.phantoms import PLAN, Part, Phantoms, make_folder, pen, write_table
from medloc.data.phantoms.pen import Array, Phantom, Range, Size

SIDE = (200, 400)  # px, both ways
CLASSES = ("normal", "heelspur", "sever")
CLASS_COUNTS = (1842, 1316, 798)  # images of each in HEEL
STREAM = 2  # of random numbers
AREA = (-2.70, 0.38)  # mean and sd of ln(true box area as a fraction of the image)
AREA_LIMITS = (0.03, 0.15)
HEEL_X, HEEL_Y = (0.20, 0.42), (0.52, 0.82)  # centre of the heel, fractions of the image, before mirroring
TILT = 9.0  # sd of the foot's rotation in degrees

# Anatomy in units of the calcaneus' length: x from heel to toes, y downwards, 0 in the calcaneus.
CALCANEUS = np.array(
    [(-.50, -.12), (-.42, -.30), (-.18, -.27), (.06, -.18), (.22, -.31), (.42, -.26), (.50, -.04),
     (.46, .16), (.20, .20), (-.10, .29), (-.36, .35), (-.50, .22)]
)  # fmt: skip
SKIN = np.array(
    [(-.20, -12), (-.22, -1.8), (-.42, -.9), (-.68, -.35), (-.74, .05), (-.66, .42), (-.35, .60), (.1, .60),
     (.8, .46), (1.5, .56), (2.1, .64), (2.75, .58), (2.85, .40), (2.6, .22), (1.9, -.12), (1.25, -.55),
     (1.02, -1.0), (.98, -1.8), (1.2, -12)]
)  # fmt: skip
TIBIA = np.array(
    [(0.10, -12), (0.72, -12), (0.60, -1.9), (0.82, -1.2), (0.78, -0.98), (0.50, -1.02),
     (0.16, -0.95), (0.12, -1.2), (0.22, -1.9)]
)  # fmt: skip
FIBULA = np.array([(-0.10, -12), (0.06, -12), (0.10, -1.2), (0.20, -0.75), (0.08, -0.62), (-0.02, -0.8), (-0.06, -1.3)])
TALUS = np.array(
    [(0.10, -0.62), (0.28, -0.92), (0.62, -0.96), (0.82, -0.72), (1.02, -0.60), (0.98, -0.34),
     (0.62, -0.36), (0.3, -0.42)]
)  # fmt: skip
ROUND_BONES = (  # centre, size
    ((1.18, -.40), (.24, .40)), ((.78, -.02), (.46, .34)), ((1.42, -.22), (.34, .36)),
    ((1.12, .08), (.30, .26)),
)  # fmt: skip
LONG_BONES = (  # from, to, thickness
    ((1.55, -.18), (2.15, .18), .15), ((1.48, -.02), (2.10, .32), .13), ((1.30, .12), (2.02, .44), .12),
    ((2.22, .24), (2.48, .34), .13), ((2.18, .38), (2.44, .44), .10), ((2.52, .36), (2.72, .44), .10),
)  # fmt: skip
LETTERS = (((0, 0), (0, 9), (6, 9)), ((0, 9), (0, 0), (5, 3), (0, 5), (6, 9)))  # L and R, px


@dataclass(frozen=True)
class Dials:
    """What makes these phantoms hard; ranges are drawn from uniformly, chances are per image.

    Attributes:
        halo: Linear size of the true box over that of the bright bone. Moves "where does it end".
        lean: How far the bone may sit off-centre; 1: it may touch the truth's edge.
        bone: Brightness of the calcaneus above soft tissue, in gray levels.
        periphery: Brightness at the bone's edge and at the truth's edge, as shares of the bone's.
        soft_tissue: Gray levels of the foot's shadow above the film.
        other_bones: Brightness of all other bones as a share of the calcaneus'.
        quantum_noise: Noise sd over the square root of the gray level.
        marker: Chance of bright letters burned in.
        strip: Chance of a bright strip where the collimator ends.
    """

    halo: Range = (1.60, 1.82)
    lean: float = 0.35
    bone: Range = (70.0, 110.0)
    periphery: Range = (0.25, 0.08)
    soft_tissue: Range = (25.0, 50.0)
    other_bones: Range = (0.30, 0.60)
    quantum_noise: Range = (0.5, 1.1)
    marker: float = 0.15
    strip: float = 0.05


DIALS = Dials()


@dataclass(frozen=True)
class Pose:
    """Maps anatomy to pixels: rotate, mirror, scale, shift."""

    scale: float
    centre: Array
    turn: Array

    def __call__(self, points: Array) -> Array:
        """Return anatomical points in px."""
        placed: Array = self.centre + self.scale * (points @ self.turn)
        return placed


def draw(rng: np.random.Generator, label: str, dials: Dials = DIALS) -> Phantom:
    """Draw one foot of class `label`: normal, heelspur (a bright spike) or sever (a dark cleft)."""
    size = (int(rng.integers(SIDE[0], SIDE[1] + 1)), int(rng.integers(SIDE[0], SIDE[1] + 1)))
    halo, lean = pen.pick(rng, dials.halo), rng.uniform(-dials.lean, dials.lean, 2)
    shape = (CALCANEUS + rng.normal(0, 0.012, CALCANEUS.shape)) * rng.normal(1, 0.05, 2)
    pose = _pose(rng, size, shape * halo)
    truth = pose(shape * halo)
    core = pen.shrunk(truth, halo, lean)
    pose = Pose(pose.scale, pose.centre + core.mean(axis=0) - truth.mean(axis=0), pose.turn)
    canvas = _foot(rng, size, pose, dials)
    canvas = _calcaneus(rng, size, canvas, truth, core, dials)
    canvas = _finding(size, canvas, pose, label)
    canvas = _film(rng, size, canvas, dials)
    return Phantom(pen.gray_image(canvas), pen.draw_mask(size, truth), label)


def _pose(rng: np.random.Generator, size: Size, truth: Array) -> Pose:
    angle, side = np.deg2rad(rng.normal(0, TILT)), rng.choice((-1, 1))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * (side, 1)
    turned = truth @ turn
    area = np.clip(np.exp(rng.normal(*AREA)), *AREA_LIMITS) * size[0] * size[1]
    scale = np.sqrt(area / np.prod(np.ptp(turned, axis=0)))
    x = pen.pick(rng, HEEL_X)
    centre = np.array([x if side > 0 else 1 - x, pen.pick(rng, HEEL_Y)]) * size
    low, high = scale * turned.min(axis=0), scale * turned.max(axis=0)
    return Pose(scale, np.clip(centre, 2 - low, np.maximum(np.array(size) - 2 - high, 2 - low)), turn)


def _foot(rng: np.random.Generator, size: Size, pose: Pose, dials: Dials) -> Array:
    air = rng.uniform(12, 45)
    tissue, bone = pen.pick(rng, dials.soft_tissue), pen.pick(rng, dials.bone) * pen.pick(rng, dials.other_bones)
    canvas = air + tissue * pen.fill(size, pose(SKIN), blur=0.03 * pose.scale)
    canvas = canvas + 5 * pen.clouds(rng, size[1], size[0])
    rounds = [np.array(centre) + np.array(extent) * pen.outline(rng, 0.05, 20) for centre, extent in ROUND_BONES]
    longs = [_shaft(*ends) for ends in LONG_BONES]
    bodies = [(pose(points), rng.uniform(0.6, 0.8)) for points in (*longs, TIBIA, FIBULA, TALUS, *rounds)]
    edges = [np.concatenate([points, points[:1]]) for points, _ in bodies[len(longs) :]]
    cortex = pen.strokes(size, edges, max(1, round(0.03 * pose.scale)), blur=0.012 * pose.scale)
    foot: Array = canvas + bone * (pen.fill_all(size, bodies, blur=0.02 * pose.scale) + 0.35 * cortex)
    return foot


def _shaft(start: tuple[float, float], end: tuple[float, float], thickness: float) -> Array:
    a, b = np.array(start), np.array(end)
    along = (b - a) / np.linalg.norm(b - a)
    across = np.array([-along[1], along[0]]) * thickness / 2
    waist = (a + b) / 2
    return np.array([a + across, waist + 0.6 * across, b + across, b - across, waist - 0.6 * across, a - across])


def _calcaneus(rng: np.random.Generator, size: Size, canvas: Array, truth: Array, core: Array, dials: Dials) -> Array:
    depth = pen.nested(size, truth, core, dials.periphery, blur=1.2)
    texture = 1 + 0.10 * pen.mottle(rng, size[1], size[0])
    edge = pen.strokes(size, [np.concatenate([core, core[:1]])], 1, blur=0.6)
    return canvas + pen.pick(rng, dials.bone) * (depth * texture + 0.3 * edge)


def _finding(size: Size, canvas: Array, pose: Pose, label: str) -> Array:
    if label == "heelspur":
        spike = pose(np.array([(-0.30, 0.30), (-0.12, 0.24), (0.06, 0.36)]))
        canvas = canvas + 55 * pen.fill(size, spike, blur=0.6)
    if label == "sever":
        cleft = pose(np.array([(-0.36, -0.26), (-0.40, 0.0), (-0.32, 0.28)]))
        canvas = canvas - 45 * pen.strokes(size, [cleft], max(1, round(0.03 * pose.scale)), blur=0.6)
    return canvas


def _film(rng: np.random.Generator, size: Size, canvas: Array, dials: Dials) -> Array:
    width, height = size
    if rng.random() < dials.strip:
        edge = round(height * rng.uniform(0.02, 0.08))
        canvas[slice(-edge, None) if rng.random() < 0.5 else slice(edge)] = 225
    if rng.random() < dials.marker:
        x, y = rng.uniform(0.03, 0.9) * width, rng.uniform(0.03, 0.2) * height
        letter = LETTERS[rng.integers(len(LETTERS))]
        canvas = pen.blend(canvas, 235, pen.strokes(size, [np.array(letter) + np.array((x, y))], 2))
    canvas = np.clip(canvas, 0, 255)
    return canvas + pen.pick(rng, dials.quantum_noise) * np.sqrt(canvas) * pen.grain(rng, height, width)


def write(root: Path, part: Part) -> None:
    """Write train + test X-ray phantoms: doubled folder, one folder a class, a table of boxes beside them."""
    labels = _labels(part.rng(PLAN, STREAM), part.train + part.test)
    folders = {label: make_folder(root / "all_category" / "all_category" / label) for label in CLASSES}
    rows: list[tuple[object, ...]] = [("file", "xmin", "ymin", "xmax", "ymax")]
    for i, label in enumerate(progress(labels, "drawing heel phantoms")):
        phantom = draw(part.rng(STREAM, i), label)
        phantom.image.save(folders[label] / f"{i:04d}.jpg", quality=90)
        rows.append((f"{label}/{i:04d}.jpg", *(Image.fromarray(phantom.mask).getbbox() or ())))
    write_table(root / "boxes.csv", rows)


def _labels(rng: np.random.Generator, images: int) -> list[str]:
    edges = np.round(np.cumsum((0, *CLASS_COUNTS)) / sum(CLASS_COUNTS) * images).astype(int)
    return [str(label) for label in rng.permutation(np.repeat(CLASSES, np.diff(edges)))]


PHANTOMS = Phantoms("heel", write, DIALS)
