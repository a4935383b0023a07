"""What the shipped bases can do before any training: general shapes that none of them has seen.

python -m benchmarks.bases
python -m benchmarks.bases --models tiny_m tiny_l --images 100
"""

import argparse
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.output import show, write
from medloc.data.example import Example
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.runner.hardware import set_threads
from medloc.training.systems import load_system

MODELS = ("tiny_s", "tiny_m", "tiny_l", "internvl_tiny", "grounding_dino_tiny")
DIFFICULTIES = (0.3, 0.6, 0.9)
HELD_OUT = 1  # the seed of the stream; the bases were taught with seed 0


def shapes(folder: Path, difficulty: float, images: int) -> list[Example]:
    """Draws general shapes of one difficulty into `folder`."""
    examples = []
    for index in range(images):
        item = draw_item(np.random.default_rng((HELD_OUT, round(10 * difficulty), index)), difficulty)
        path = folder / f"{difficulty}-{index}.png"
        item.image.save(path)
        examples.append(Example(path.stem, path, *item.image.size, item.box, path.stem, ""))
    return examples


def measure(model: str, drawn: dict[float, list[Example]]) -> list[dict[str, Any]]:
    """Returns what one base answers, by difficulty."""
    system = load_system(compose_job(["method=zero_shot", f"model={model}"]).settings)
    found = []
    for difficulty, examples in drawn.items():
        samples = system.answer(examples)
        ious = [sample.iou for sample in samples]
        small = [s.iou for s, e in zip(samples, examples, strict=True) if e.box.area < 0.05 * e.width * e.height]
        found.append(
            {
                "model": model,
                "difficulty": difficulty,
                "a50": statistics.mean(iou >= 0.5 for iou in ious),
                "a80": statistics.mean(iou >= 0.8 for iou in ious),
                "mean_iou": statistics.mean(ious),
                "mean_iou_small": statistics.mean(small) if small else None,
                "parsed": statistics.mean(sample.box is not None for sample in samples),
            }
        )
    return found


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bases", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=MODELS, help="bases to ask")
    parser.add_argument("--images", type=int, default=300, help="shapes of each difficulty")
    options = parser.parse_args()
    set_threads(1)
    with TemporaryDirectory() as folder:
        drawn = {difficulty: shapes(Path(folder), difficulty, options.images) for difficulty in DIFFICULTIES}
        found = [row for model in options.models for row in measure(model, drawn)]
    head = ["base", "difficulty", "A@0.5", "A@0.8", "mean IoU", "under 5 % of the image", "parsed"]
    show(head, [list(row.values()) for row in found])
    write("bases", {"options": vars(options), "found": found})


if __name__ == "__main__":
    main()
