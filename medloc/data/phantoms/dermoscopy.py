"""Draw and write dermoscopy phantoms after HAM10000: a dark irregular core in skin, and its pale periphery.

300 x 225 px, half the native linear size. Box area, aspect, centre and fill follow the measured statistics of
HAM10000's 10,015 masks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from medloc.data.files import progress
from medloc.data.phantoms import LESIONS, PLAN, Part, Phantoms, make_folder, pen, write_table
from medloc.data.phantoms.pen import Array, Phantom, Range

SIZE = (300, 225)
FRAME = SIZE[0] / SIZE[1]
SIDE_CAP = (0.80, 1.06)  # sides of the box over those of the image: as they are up to, at most
CLASSES = {  # name: (images in HAM10000, median box area as a fraction of the image)
    "nv": (6705, 0.28),
    "mel": (1113, 0.43),
    "bkl": (1099, 0.42),
    "bcc": (514, 0.32),
    "akiec": (327, 0.58),
    "vasc": (142, 0.13),
    "df": (115, 0.37),
}
AREA_SD = 0.87  # of ln(box area) within a class
AREA_SHIFT = -0.08  # of ln(box area): the cap below takes some away at the top
ASPECT = (0.109, 0.251)  # mean and sd of ln(width / height)
CENTRE = ((0.492, 0.052), (0.497, 0.060))  # mean and sd of x and y, fractions of the image
SKINS = ((222, 172, 160), (232, 150, 142), (214, 168, 180), (226, 186, 160), (196, 148, 150), (208, 160, 196))
STREAM = 0  # of random numbers
LESION_SIZES = (5514, 1423, 490, 34, 5, 6)  # HAM10000: lesions with 1, 2, ... 6 images
FIRST_ID = 9_000_000  # ISIC numbers far above every real one
INVERTED_PALETTE = 0.04  # share of HAM10000's masks stored inside out
PIGMENT = (0.82, 1.06, 1.12)  # how strongly melanin darkens red, green, blue


@dataclass(frozen=True)
class Dials:
    """What makes these phantoms hard; ranges are drawn from uniformly, chances are per image.

    Attributes:
        halo: Linear size of the true box over that of the visible core. Moves "where does it end".
        lean: How far the core may sit off-centre; 1: it may touch the truth's edge.
        contrast: Share of the skin's brightness missing in the core (measured: 0.24 to 0.52).
        periphery: Darkness at the core's edge and at the truth's edge, as shares of the core's.
        skin_noise: Sd of the skin in gray levels, half of it blotches (measured, all causes: 7 to 12).
        lumps: Irregularity of the outline.
        hair: Chance of hairs; up to 24 of them.
        freckles: Chance of 1 to 5 small brown spots that are not the lesion.
        ruler: Chance of ruler ticks or ink.
        bubbles: Chance of glare spots.
        vignette: Chance of a dark round border.
    """

    halo: Range = (1.35, 1.56)
    lean: float = 0.35
    contrast: Range = (0.24, 0.52)
    periphery: Range = (0.34, 0.12)
    skin_noise: Range = (7.0, 12.0)
    lumps: float = 0.14
    hair: float = 0.35
    freckles: float = 0.30
    ruler: float = 0.15
    bubbles: float = 0.20
    vignette: float = 0.30


DIALS = Dials()


def draw(subject: np.random.Generator, view: np.random.Generator, dials: Dials = DIALS) -> Phantom:
    """Draw one photograph.

    Args:
        subject: Decides the lesion and the skin it sits in; the same state gives the same lesion.
        view: Decides the photograph: place, size, noise and everything in the way.
        dials: How hard.
    """
    counts = np.array([count for count, _ in CLASSES.values()])
    label = str(subject.choice(list(CLASSES), p=counts / counts.sum()))
    box, outline = _box(subject, CLASSES[label][1]), pen.outline(subject, dials.lumps)
    halo, lean = pen.pick(subject, dials.halo), subject.uniform(-dials.lean, dials.lean, 2)
    darkness = np.clip(pen.pick(subject, dials.contrast) * np.array(PIGMENT) * subject.normal(1, 0.06, 3), 0, 0.9)
    tone = np.array(SKINS[subject.integers(len(SKINS))]) * subject.normal(1, 0.05) + subject.normal(0, 5, 3)
    truth = _place(view, box, outline)
    canvas = _skin(view, tone, dials)
    depth = pen.nested(SIZE, truth, pen.shrunk(truth, halo, lean), dials.periphery, blur=1.6) + _freckles(view, dials)
    depth = depth * (1 + 0.12 * pen.mottle(view, *depth.shape) + 0.12 * pen.clouds(view, *depth.shape))
    canvas = canvas * (1 - np.clip(depth, 0, 1.3)[..., None] * darkness)
    return Phantom(pen.gray_image(_artefacts(view, canvas, dials)), pen.draw_mask(SIZE, truth), label)


def _box(subject: np.random.Generator, median: float) -> Array:
    """Draw width and height in px; `median` is that of the area over the image's."""
    area = np.exp(subject.normal(np.log(median) + AREA_SHIFT, AREA_SD))
    aspect = np.exp(subject.normal(*ASPECT))
    shares = np.sqrt(area * aspect / FRAME), np.sqrt(area / aspect * FRAME)
    box = [max(18.0, pen.capped(share, *SIDE_CAP) * side) for share, side in zip(shares, SIZE, strict=True)]
    return np.array(box)


def _place(view: np.random.Generator, box: Array, outline: Array) -> Array:
    centre = np.array([view.normal(*CENTRE[0]) * SIZE[0], view.normal(*CENTRE[1]) * SIZE[1]])
    box = box * view.normal(1, 0.04)
    slack = np.maximum((np.array(SIZE) - box) / 2, 0)  # small lesions lie inside, large ones are cut on both sides
    middle = np.array(SIZE) / 2
    place: Array = np.clip(centre, middle - slack, middle + slack) + box * outline
    return place


def _skin(view: np.random.Generator, tone: Array, dials: Dials) -> Array:
    width, height = SIZE
    sd = pen.pick(view, dials.skin_noise)
    noise = sd * (0.6 * pen.grain(view, height, width) + 0.5 * pen.clouds(view, height, width))
    noise = noise + 0.3 * sd * pen.mottle(view, height, width)
    slope = np.linspace(-0.06, 0.06, width, dtype=np.float32) * view.uniform(-1, 1)
    light = (1 + slope) * _vignette(view, dials)
    return ((tone.astype(np.float32) + noise[..., None]) * light[..., None]).astype(np.float32)


def _vignette(view: np.random.Generator, dials: Dials) -> Array:
    if view.random() > dials.vignette:
        return np.ones((SIZE[1], SIZE[0]), dtype=np.float32)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = view.uniform(0.52, 0.62) * SIZE[0]
    ring = np.array(SIZE) / 2 + view.normal(0, 4, 2) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return 1 - view.uniform(0.3, 0.9) * (1 - pen.fill(SIZE, ring, blur=view.uniform(3, 14)))


def _freckles(view: np.random.Generator, dials: Dials) -> Array | float:
    if view.random() > dials.freckles:
        return 0.0
    spots = np.zeros((SIZE[1], SIZE[0]), dtype=np.float32)
    for _ in range(view.integers(1, 6)):
        spot = view.uniform(0, 1, 2) * SIZE + view.uniform(4, 11) * pen.outline(view, 0.1, 16)
        spots = np.maximum(spots, view.uniform(0.2, 0.6) * pen.fill(SIZE, spot, blur=1.2))
    return spots


def _artefacts(view: np.random.Generator, canvas: Array, dials: Dials) -> Array:
    def laid(colour: tuple[int, int, int], alpha: Array) -> Array:
        return pen.blend(canvas, np.array(colour, dtype=np.float32), alpha[..., None])

    if view.random() < dials.hair:
        canvas = laid((45, 30, 28), 0.75 * pen.strokes(SIZE, _hairs(view), 1, blur=0.5))
    if view.random() < dials.ruler:
        canvas = laid((60, 45, 90), 0.8 * pen.strokes(SIZE, _ticks(view), 1))
    if view.random() < dials.bubbles:
        spots = [view.uniform(0, 1, 2) * SIZE + view.uniform(2, 7) * pen.outline(view, 0.0, 16) for _ in range(3)]
        canvas = laid((250, 245, 245), 0.7 * np.max([pen.fill(SIZE, spot, blur=0.8) for spot in spots], axis=0))
    return canvas


def _hairs(view: np.random.Generator) -> list[Array]:
    comb = view.uniform(0, np.pi)
    hairs = []
    for _ in range(view.integers(4, 25)):
        start, angle, length = view.uniform(0, 1, 2) * SIZE, comb + view.normal(0, 0.3), view.uniform(40, 170)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        hairs.append(pen.curve(start, (start + end) / 2 + view.normal(0, 14, 2), end))
    return hairs


def _ticks(view: np.random.Generator) -> list[Array]:
    y, x0, step = view.choice((14, SIZE[1] - 14)), view.uniform(10, 120), view.uniform(4, 7)
    marks = [np.array([[x0 + i * step, y], [x0 + i * step, y - (7 if i % 5 == 0 else 4)]]) for i in range(21)]
    return [np.array([[x0, y], [x0 + 20 * step, y]]), *marks]


def write(root: Path, part: Part) -> None:
    """Write train + test dermoscopy phantoms: two image folders, one mask folder, one metadata table."""
    total = part.train + part.test
    masks = make_folder(root / "HAM10000_segmentations_lesion_tschandl")
    halves = [make_folder(root / f"HAM10000_images_part_{half}") for half in (1, 2)]
    lesions = _lesions(part.rng(PLAN, STREAM), total)
    rows = []
    for i in progress(range(total), "drawing ham10000 phantoms"):
        view, name = part.rng(STREAM, i), f"ISIC_{FIRST_ID + i}"
        phantom = draw(part.rng(LESIONS, lesions[i]), view)
        phantom.image.save(halves[2 * i >= total] / f"{name}.jpg", quality=90)
        _save_mask(phantom.mask, masks / f"{name}_segmentation.png", view.random() < INVERTED_PALETTE)
        rows.append((f"HAM_{FIRST_ID + lesions[i]}", name, phantom.label, "phantom", "", "unknown", "unknown"))
    header = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    write_table(root / "HAM10000_metadata.csv", [header, *rows])


def _lesions(rng: np.random.Generator, images: int) -> list[int]:
    """The lesion number of every image, in mixed order, as many images a lesion as in HAM10000."""
    share = np.array(LESION_SIZES) / sum(LESION_SIZES)
    sizes = rng.choice(len(LESION_SIZES), images, p=share) + 1
    lesions = np.repeat(np.arange(images), sizes)[:images]
    return [int(lesion) for lesion in rng.permutation(lesions)]


def _save_mask(mask: Array, path: Path, inverted_palette: bool) -> None:
    """Save a mask as 0/255 gray or, as 402 of HAM10000's are, as palette indices whose 0 is white."""
    image = Image.fromarray(
        (mask if not inverted_palette else ~mask).astype(np.uint8) * (1 if inverted_palette else 255)
    )
    if inverted_palette:
        image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(path)


PHANTOMS = Phantoms("ham10000", write, DIALS)
