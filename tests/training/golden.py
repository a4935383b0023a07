"""Golden training traces: five steps of every method on stored completions, under tests/golden/training.

`python -m tests.training.golden` records them anew, from a clean tree only. Do so only when a number is meant to
change, and say why in the changelog under "Numbers may change".
"""

import json
import random
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.callbacks.trace import TraceWriter
from medloc.training.grpo.trainer import CurriculumGRPOTrainer
from medloc.training.runner.arguments import planned_steps
from medloc.training.systems import Training, load_system
from tests.clean_tree import require_clean_tree

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "training"
STEPS, GROUPS, SIZE = 5, 2, 4
FIELDS = ("loss", "grad_norm", "kl", "reward", "tau", "updated")
METHODS = {
    "medloc": ("window.size=2", "criteria=only_reward", "strategy.P=[0.4,0.4,0.4]"),
    "medloc_masked": ("method=medloc", "train.mask_dead_kl=true"),
    "vlm_r1": (),
    "raw_iou": (),
    "v_triune": (),
    "v_triune_matched": ("method=v_triune", "method.preset=matched"),
    "boxmed_rl": (),
    "medground_r1": (),
    "raw_giou": (),
    "vision_r1": (),
    "dr_seg": (),
    "gui_g2": (),
    "sft": (),
}
"""Name -> overrides beside `method=name`."""

SIZES = (
    f"train.max_steps={STEPS}",
    f"train.prompts_per_step={GROUPS}",
    f"train.group_size={SIZE}",
    f"train.per_device_batch={GROUPS * SIZE}",
    "train.learning_rate=1e-4",
    "train.checkpoints=1",
    "threads=1",
    "device=cpu",
)


def stored():
    """Returns the training examples and, per step, the texts of its completions in global order."""
    content = json.loads((FOLDER / "completions.json").read_text())
    examples = [
        Example(str(i), FOLDER / f"image{i}.png", *Image.open(FOLDER / f"image{i}.png").size, Box(*box), str(i), "")
        for i, box in enumerate(content["boxes"])
    ]
    return examples, content["steps"]


def traced(name, folder, *more):
    """Trains a method on the stored completions and returns the fields of its trace, a list per step.

    Only the sampling is taken from the file; rewards, curriculum, loss, gradient and optimizer are the product's own.
    """
    given = METHODS[name]
    method = () if any(one.startswith("method=") for one in given) else (f"method={name}",)
    settings = compose_job([*method, *given, *SIZES, *more]).settings
    examples, steps = stored()
    system = load_system(settings)
    trace = TraceWriter(folder, 0)
    training = Training(examples, planned_steps(settings.train, len(examples)), folder / "checkpoints", trace, [])
    with forced(system, steps):
        system.train(training)
    lines = map(json.loads, (folder / "trace.jsonl").read_text().splitlines())
    return [{field: line[field] for field in FIELDS} for line in lines]


class forced:  # reads as a statement
    """While it lasts, GRPO "samples" the stored completions."""

    def __init__(self, system, steps):
        self.system, self.steps = system, steps
        self.whole = CurriculumGRPOTrainer._generate_single_turn

    def __enter__(self):
        tokenizer, steps = self.system.loaded.processor.tokenizer, self.steps

        def given(trainer, prompt_ids, *arguments, **more):
            texts = steps[trainer.state.global_step]
            assert len(texts) == len(prompt_ids)
            return [[*tokenizer.encode(text), tokenizer.eos_token_id] for text in texts], None

        CurriculumGRPOTrainer._generate_single_turn = given

    def __exit__(self, *_):
        CurriculumGRPOTrainer._generate_single_turn = self.whole


def draw(folder):
    """Writes images and completions: boxes beside the truth by more and less, now and then no box."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20260328)
    items = [draw_item(np.random.default_rng((11, i)), 0.6) for i in range(GROUPS)]
    for i, item in enumerate(items):
        item.image.save(folder / f"image{i}.png")
    boxes = [item.box.as_list() for item in items]
    steps = [[_answer(rng, boxes[group]) for group in range(GROUPS) for _ in range(SIZE)] for _ in range(STEPS)]
    (folder / "completions.json").write_text(json.dumps({"boxes": boxes, "steps": steps}, indent=1) + "\n")


def _answer(rng, box):
    if rng.random() < 0.15:
        return "[12, 40]"
    reach = rng.choice([2, 8, 30])
    return "[" + ", ".join(str(2 * max(0, round((value + rng.uniform(-reach, reach)) / 2))) for value in box) + "]"


def main():
    commit = require_clean_tree()
    if not (FOLDER / "completions.json").exists():
        draw(FOLDER)
    for name in METHODS:
        with tempfile.TemporaryDirectory() as folder:
            steps = traced(name, Path(folder))
        (FOLDER / f"{name}.json").write_text(json.dumps({"commit": commit, "steps": steps}, indent=1) + "\n")


if __name__ == "__main__":
    main()
