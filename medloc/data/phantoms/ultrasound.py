"""Draw and write thyroid ultrasound phantoms after TN3K: speckle, layers, and a nodule whose faint rim counts.

Half the native linear size (width 128 to 670 px, height 130 to 386 px). Box area, aspect and centre follow
the 544 single-nodule masks of TN3K's official test split. Grays and speckle can follow its training images
(`layers=1`, `speckle=0.8`, `ratio=(0.3, 0.65)`); the dials below are smoother and darker, calibrated to the tiny base.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from medloc.data.files import progress
from medloc.data.phantoms import PLAN, Part, Phantoms, make_folder, pen, write_table
from medloc.data.phantoms.pen import Array, Phantom, Range, Size

LOG_SIZE = ((5.45, 0.36), (5.27, 0.26), 0.9)  # mean and sd of ln(width), ln(height) in px; their correlation
WIDTHS, HEIGHTS = (128, 670), (130, 386)
AREA = (-2.49, 1.26)  # mean and sd of ln(box area as a fraction of the image)
AREA_LEAST, AREA_CAP = 0.006, (0.40, 0.70)  # smallest; as drawn up to, at most
DEEPER = 0.37  # correlation of ln(area) with the height of the centre: large nodules reach deeper
ASPECT = (0.287, 0.267)  # mean and sd of ln(width / height)
CENTRE = ((0.50, 0.131), (0.366, 0.089))  # mean and sd of x and y, fractions of the image
MALIGNANT = 0.36  # share among TN3K's images
STREAM = 1  # of random numbers
SEVERAL_NODULES = 70 / 544  # TN3K: images with 2 to 4 nodules, per image with one
NODULE_COUNTS = ((2, 3, 4), (65 / 70, 4 / 70, 1 / 70))
GRAYS_PER_DB = 255 / 60  # log compression of 60 dB to 8 bit
LAYERS = (  # depth as a fraction of the height, gray level
    (0.00, 120), (0.03, 150), (0.06, 70), (0.16, 62), (0.20, 105), (0.45, 100), (0.62, 62), (0.80, 26),
    (1.00, 8),
)  # fmt: skip


@dataclass(frozen=True)
class Dials:
    """What makes these phantoms hard; ranges are drawn from uniformly, chances are per image.

    Attributes:
        halo: Linear size of the true box over that of the visible core. Moves "where does it end".
        lean: How far the core may sit off-centre; 1: it may touch the truth's edge.
        ratio: Gray of the core over that of its surroundings (measured median: 0.45 malignant, 0.61 benign).
        bright: Chance of a core brighter than its surroundings.
        periphery: Darkness at the core's edge and at the truth's edge, as shares of the core's.
        layers: How much the gray changes with depth; 1: as measured, 0: evened out by time-gain compensation.
        speckle: Strength of the speckle; 1 is that of the 60 dB recipe (local SNR 4.4; real images 5.2).
        lumps: Irregularity of the outline.
        vessels: Mean number of dark discs that are not the nodule.
        fascia: Mean number of bright lines.
        calipers: Chance of burned-in '+' marks, at random places.
        trachea: Chance of a bright arc with a shadow beneath.
    """

    halo: Range = (1.50, 1.70)
    lean: float = 0.35
    ratio: Range = (0.10, 0.30)
    bright: float = 0.0
    periphery: Range = (0.40, 0.18)
    layers: float = 0.0
    speckle: float = 0.3
    lumps: float = 0.06
    vessels: float = 0.15
    fascia: float = 0.5
    calipers: float = 0.10
    trachea: float = 0.05


DIALS = Dials()


def draw(rng: np.random.Generator, nodules: int = 1, dials: Dials = DIALS) -> Phantom:
    """Draw one scan with `nodules` separate nodules, each one 8-connected piece of the mask."""
    size = _frame(rng)
    malignant = bool(rng.random() < MALIGNANT)
    truths = _places(rng, size, nodules, dials)
    canvas = _tissue(rng, size, dials)
    canvas = _vessels(rng, size, canvas, dials)
    for truth in truths:
        canvas = _nodule(rng, size, canvas, truth, dials)
    canvas = _fascia(rng, size, canvas, dials)
    texture = pen.speckle(rng, size[1], size[0]) * GRAYS_PER_DB * dials.speckle
    canvas = canvas + texture * np.sqrt(np.clip(canvas / 80, 0.02, 1.2))
    canvas = _marks(rng, size, canvas, dials)
    mask = np.any([pen.draw_mask(size, truth) for truth in truths], axis=0)
    return Phantom(pen.gray_image(canvas), mask, "malignant" if malignant else "benign")


def _frame(rng: np.random.Generator) -> Size:
    (mean_w, sd_w), (mean_h, sd_h), together = LOG_SIZE
    a, b = rng.normal(size=2)
    width = np.exp(mean_w + sd_w * a)
    height = np.exp(mean_h + sd_h * (together * a + np.sqrt(1 - together**2) * b))
    return int(np.clip(width, *WIDTHS)), int(np.clip(height, *HEIGHTS))


def _places(rng: np.random.Generator, size: Size, nodules: int, dials: Dials) -> list[Array]:
    """Outlines of nodules that lie apart; several are smaller than one, so that they fit."""
    while True:
        places = [_place(rng, size, nodules, dials) for _ in range(nodules)]
        if _apart(places) and all(pen.in_one_piece(pen.draw_mask(size, place)) for place in places):
            return places


def _place(rng: np.random.Generator, size: Size, nodules: int, dials: Dials) -> Array:
    rank = rng.normal()
    share = max(AREA_LEAST, pen.capped(np.exp(AREA[0] + AREA[1] * rank) / nodules, *AREA_CAP))
    area = share * size[0] * size[1]
    aspect = np.exp(rng.normal(*ASPECT))
    box = np.array([np.sqrt(area * aspect), np.sqrt(area / aspect)])
    box = np.clip(box, 9, 0.98 * np.array(size))
    spread = 1.0 if nodules == 1 else 1.8
    offset = spread * rng.normal(size=2)
    offset[1] = DEEPER * rank + np.sqrt(1 - DEEPER**2) * offset[1]
    centre = (np.array([mean for mean, _ in CENTRE]) + offset * [sd for _, sd in CENTRE]) * size
    slack = 0.06 * box * (rng.random() < 0.1)  # now and then cut by the border
    centre = np.clip(centre, box / 2 + 1 - slack, size - box / 2 - 1 + slack)
    place: Array = centre + box * pen.outline(rng, dials.lumps)
    return place


def _apart(places: list[Array], gap: float = 5.0) -> bool:
    boxes = [(place.min(axis=0) - gap, place.max(axis=0) + gap) for place in places]
    pairs = ((a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    return not any(np.all(a[0] < b[1]) and np.all(b[0] < a[1]) for a, b in pairs)


def _tissue(rng: np.random.Generator, size: Size, dials: Dials) -> Array:
    width, height = size
    depths, grays = np.array(LAYERS).T
    grays = grays.mean() + dials.layers * (grays - grays.mean())
    wave = 0.02 * np.sin(np.linspace(0, rng.uniform(1, 5), width) + rng.uniform(0, 6)).astype(np.float32)
    depth = np.linspace(0, 1, height, dtype=np.float32)[:, None] * rng.uniform(0.8, 1.25) + wave
    tissue = np.interp(depth, depths, grays).astype(np.float32) * rng.uniform(0.75, 1.25)
    tissue = tissue * (1 + 0.12 * pen.clouds(rng, height, width))
    return _trachea(rng, size, tissue) if rng.random() < dials.trachea else tissue


def _trachea(rng: np.random.Generator, size: Size, tissue: Array) -> Array:
    centre = np.array([rng.uniform(0.3, 0.7), rng.uniform(0.75, 0.95)]) * size
    angles = np.linspace(np.pi, 2 * np.pi, 16)
    arc = centre + np.array([0.16, 0.18]) * size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    below = np.concatenate([arc, [[arc[-1, 0], size[1]], [arc[0, 0], size[1]]]])
    shaded = pen.blend(tissue, 6, 0.85 * pen.fill(size, below, blur=3))
    return pen.blend(shaded, 170, 0.7 * pen.strokes(size, [arc], 2, blur=0.8))


def _vessels(rng: np.random.Generator, size: Size, canvas: Array, dials: Dials) -> Array:
    for _ in range(rng.poisson(dials.vessels)):
        centre = np.array([rng.choice((rng.uniform(0.04, 0.2), rng.uniform(0.8, 0.96))), rng.uniform(0.3, 0.7)]) * size
        disc = centre + rng.uniform(0.08, 0.17) * size[1] * rng.uniform(0.8, 1.2, 2) * pen.outline(rng, 0.02, 24)
        canvas = canvas * (1 - rng.uniform(0.5, 0.85) * pen.fill(size, disc, blur=1.0))
    return canvas


def _nodule(rng: np.random.Generator, size: Size, canvas: Array, truth: Array, dials: Dials) -> Array:
    core = pen.shrunk(truth, pen.pick(rng, dials.halo), rng.uniform(-dials.lean, dials.lean, 2))
    depth = pen.nested(size, truth, core, dials.periphery, blur=1.0)
    ratio = 1.5 if rng.random() < dials.bright else pen.pick(rng, dials.ratio)
    floor = 26 * depth * (ratio < 1) * np.clip(1 - canvas / 40, 0, 1)  # deep nodules transmit, so they stay visible
    canvas = canvas * (1 - depth * (1 - ratio)) + floor
    if rng.random() < 0.25:
        specks = core.mean(axis=0) + rng.normal(0, 0.15, (6, 2)) * np.ptp(core, axis=0)
        canvas = pen.blend(canvas, 190, 0.7 * pen.strokes(size, [np.array([s, s + 1]) for s in specks], 1, blur=0.5))
    return canvas


def _fascia(rng: np.random.Generator, size: Size, canvas: Array, dials: Dials) -> Array:
    for _ in range(rng.poisson(dials.fascia)):
        xs = np.linspace(0, 1, 16)
        level = rng.choice((rng.uniform(0.04, 0.22), rng.uniform(0.55, 0.8)))
        ys = level + 0.02 * np.sin(rng.uniform(1, 6) * xs + rng.uniform(0, 6)) + rng.normal(0, 0.05) * xs
        keep = slice(*sorted(rng.choice(17, 2, replace=False)))
        line = np.stack([xs, ys], axis=1)[keep] * size
        if len(line) > 1:
            canvas = pen.blend(canvas, 165, rng.uniform(0.3, 0.7) * pen.strokes(size, [line], 1, blur=0.7))
    return canvas


def _marks(rng: np.random.Generator, size: Size, canvas: Array, dials: Dials) -> Array:
    ticks = [np.array([[size[0] - 3, y], [size[0] - 1, y]]) for y in range(6, size[1], 20)]
    lines = ticks if rng.random() < 0.3 else []
    if rng.random() < dials.calipers:
        for _ in range(2):
            x, y = rng.uniform(0.15, 0.85, 2) * size
            lines = [*lines, np.array([[x - 3, y], [x + 3, y]]), np.array([[x, y - 3], [x, y + 3]])]
    return pen.blend(canvas, 225, pen.strokes(size, lines)) if lines else canvas


def write(root: Path, part: Part) -> None:
    """Write ultrasound phantoms: image and JPEG mask folders, labels; images with several nodules on top."""
    for number, (name, singles) in enumerate((("trainval", part.train), ("test", part.test))):
        images, masks = make_folder(root / f"{name}-image"), make_folder(root / f"{name}-mask")
        counts = _nodule_counts(part.rng(PLAN, 10 * STREAM + number), singles)
        rows = []
        for i in progress(range(len(counts)), f"drawing tn3k phantoms, {name}"):
            phantom = draw(part.rng(STREAM, 1_000_000 * number + i), counts[i])
            phantom.image.save(images / f"{i:04d}.jpg", quality=90)
            Image.fromarray(phantom.mask.astype(np.uint8) * 255).save(masks / f"{i:04d}.jpg", quality=95)
            rows.append((f"{i:04d}.jpg", int(phantom.label == "malignant")))
        write_table(root / f"label4{name}.csv", rows)


def _nodule_counts(rng: np.random.Generator, singles: int) -> list[int]:
    several = rng.choice(NODULE_COUNTS[0], round(SEVERAL_NODULES * singles), p=NODULE_COUNTS[1])
    return [int(count) for count in rng.permutation([1] * singles + several.tolist())]


PHANTOMS = Phantoms("tn3k", write, DIALS)
