"""Pairs of image and mask become examples; what had to be left out is counted, never dropped silently."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.formats.mask import Mask, choose_boxes
from medloc.data.images import image_size


@dataclass(frozen=True)
class Pair:
    """One image with its mask, and what is known of it."""

    id: str
    image: Path
    mask: Path
    group: str
    label: str


def examples_from(
    pairs: Sequence[Pair], read_mask: Callable[[Path], Mask], rule: str, left_out: Counter[str]
) -> list[Example]:
    """Return the examples of `pairs` under `dataset.boxes=rule` and count in `left_out` what gives none.

    Raises:
        ValueError: naming the files where an image or a mask does not open, or their sizes differ.
    """
    examples: list[Example] = []
    for pair in tqdm(pairs, desc="reading masks", unit="mask", disable=None, leave=False, delay=2):
        mask = measured(pair, read_mask)
        boxes = choose_boxes(mask, rule)
        if not boxes:
            left_out[_reason(mask)] += 1
        examples.extend(_examples(pair, (mask.width, mask.height), boxes))
    return examples


def summary(what: str, left_out: Counter[str]) -> tuple[str, ...]:
    """Return the counts of what was left out as one line, or no line."""
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()) if count)
    return (f"{what}: left out {counts}.",) if counts else ()


def measured(pair: Pair, read_mask: Callable[[Path], Mask]) -> Mask:
    """Return what the mask of a pair holds, once its size is known to be the image's.

    Raises:
        ValueError: naming the files where an image or a mask does not open, or their sizes differ.
    """
    mask, size = read_mask(pair.mask), image_size(pair.image)
    if size != (mask.width, mask.height):
        raise ValueError(
            f"{pair.mask}: this mask is {mask.width}x{mask.height}, its image {pair.image} is "
            f"{size[0]}x{size[1]}; both must have the same size."
        )
    return mask


def _reason(mask: Mask) -> str:
    return "images with several components (dataset.boxes=single)" if mask.boxes else "empty masks"


def _examples(pair: Pair, size: tuple[int, int], boxes: tuple[Box, ...]) -> list[Example]:
    names = [pair.id] if len(boxes) == 1 else [f"{pair.id}#{i}" for i in range(len(boxes))]
    return [
        Example(name, pair.image, size[0], size[1], box, pair.group, pair.label, pair.mask)
        for name, box in zip(names, boxes, strict=True)
    ]
