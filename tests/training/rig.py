"""A trainer on the tiny model and three general shapes, one step at a time: groups, draws and gradients by hand."""

import numpy as np
from transformers.trainer_callback import PrinterCallback

from medloc.data.example import Example
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.grpo.train import grpo_config, training_rows
from medloc.training.grpo.trainer import CurriculumGRPOTrainer, Rule
from tests.models.test_load import settings

GROUPS, SIZE = 3, 4


class Observed(CurriculumGRPOTrainer):
    """Keeps what was generated and what was scored, in order."""

    def __init__(self, **arguments):
        self.generated, self.scored, self.seen = [], [], []
        super().__init__(on_observation=self.seen.append, **arguments)

    def _generate_single_turn(self, prompt_ids, *arguments, **more):
        self.generated.append(len(prompt_ids))
        return super()._generate_single_turn(prompt_ids, *arguments, **more)

    def score(self, inputs, prompts, completions, ids):
        self.scored.append([one[0]["content"] for one in completions])
        return super().score(inputs, prompts, completions, ids)


def shapes(folder):
    """Returns one row per group, as TRL takes them."""
    examples = []
    for i in range(GROUPS):
        item = draw_item(np.random.default_rng((5, i)), 0.6)
        item.image.save(folder / f"{i}.png")
        examples.append(Example(str(i), folder / f"{i}.png", *item.image.size, item.box, str(i), ""))
    return training_rows(examples, "Where is it?")


def observed(rows, arguments, rule, **options):
    loaded = load_model(settings())
    trainer = Observed(
        rule=rule,
        grid=loaded.grid,
        model=loaded.model,
        processing_class=loaded.processor,
        args=arguments,
        train_dataset=rows,
        **options,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def trainer_on(folder, reward, curriculum=None, watched=None, **options):
    """Returns a trainer in the middle of a run and the rows of its next step, group after group."""
    rows = shapes(folder)
    sizes = [f"train.prompts_per_step={GROUPS}", f"train.group_size={SIZE}", f"train.per_device_batch={GROUPS * SIZE}"]
    job = compose_job(["device=cpu", "train.temperature=1.5", *sizes])  # warm: two draws of a group differ
    rule = Rule(reward, curriculum, None, watched=watched)
    trainer = observed(rows, grpo_config(job.settings, 10, folder), rule, **options)
    trainer.state.max_steps, trainer.state.global_step = 10, 3
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    return trainer, [rows[i] for i in range(GROUPS) for _ in range(SIZE)]
