"""A trainer and one batch of groups for every family: images of several sizes, answers of several lengths."""

import numpy as np
import torch
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig
from trl.trainer.utils import shuffle_sequence_dict, split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from medloc.data.example import Example
from medloc.models.load import load_model
from medloc.models.tiny.shapes import draw_item
from medloc.rewards import reward_for
from medloc.spec.compose import compose_job
from medloc.training.grpo.packed_groups import IMAGES
from medloc.training.grpo.rule import Rule
from medloc.training.grpo.train import training_rows
from medloc.training.grpo.trainer import CurriculumGRPOTrainer
from tests.models.shrunk import BOUNDS, shrunk

KINDS = ("qwen2_5_vl", "qwen3_vl", "internvl", "internvl_tiles")
GROUPS, SIZE = 3, 4
TEXTS = ("[2, 10, 40, 64]", "[12]", "[6, 6, 8", "", "[100, 20, 30, 40] [2, 4]")
"""Answers of other lengths; they are ended by the end token but for every third, which is cut."""


def loaded_model(kind, folder):
    folder.mkdir(exist_ok=True)
    if kind == "qwen3_vl":
        given = [f"model.path={shrunk(kind, folder / 'base')}", f"model.max_pixels={BOUNDS[kind]}", "model=qwen3_vl_2b"]
    elif kind == "qwen2_5_vl":
        given = []
    else:
        given = ["model=internvl_tiny", *(["model.max_pixels=50176"] if kind == "internvl_tiles" else [])]
    return load_model(compose_job(given).settings.model)


def rows_of(folder, large):
    """TRL's row of every image; large ones are several tiles for InternVL, each another number."""
    examples = []
    for i in range(GROUPS):
        item = draw_item(np.random.default_rng((7, i)), 0.6)
        image = item.image.resize(((224, 112), (224, 224), (112, 112))[i]) if large else item.image
        image.save(folder / f"{i}.png")
        examples.append(Example(str(i), folder / f"{i}.png", *image.size, item.box, str(i), ""))
    return training_rows(examples, "Where is it?")


class Given(CurriculumGRPOTrainer):
    """ "Samples" the given texts."""

    def _generate_single_turn(self, prompt_ids, *arguments, **more):
        tokenizer = self.processing_class.tokenizer
        ids = [tokenizer.encode(self.texts[i % len(self.texts)]) for i in range(len(prompt_ids))]
        return [one if i % 3 == 2 and one else [*one, tokenizer.eos_token_id] for i, one in enumerate(ids)], None


def trainer_on(kind, folder, prepare=lambda model: None, peft_config=None, **arguments):
    """A trainer in the middle of a run, sharing nothing yet; `prepare` is shown the model before."""
    loaded = loaded_model(kind, folder)
    prepare(loaded.model)
    given = {
        "output_dir": str(folder),
        "max_steps": 20,
        "per_device_train_batch_size": GROUPS * SIZE,
        "num_generations": SIZE,
        "max_completion_length": 12,
        "loss_type": "grpo",
        "beta": 0.04,
        "temperature": 0.9,
        "learning_rate": 1e-4,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "use_bias_correction_kl": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    trainer = Given(
        rule=Rule(reward_for("raw_iou", None), None, None),
        grid=loaded.grid,
        on_observation=lambda _: None,
        model=loaded.model,
        processing_class=loaded.processor,
        args=GRPOConfig(**{**given, **arguments}),
        train_dataset=rows_of(folder, kind == "internvl_tiles"),
        peft_config=peft_config,
    )
    trainer.texts = TEXTS
    trainer.remove_callback(PrinterCallback)
    trainer.state.max_steps, trainer.current_gradient_accumulation_steps = 20, 1
    trainer.model.train()
    return trainer


def groups_of(trainer):
    """One row per completion, group after group."""
    rows = [trainer.train_dataset[i] for i in range(GROUPS)]  # one image object a group
    return [row for row in rows for _ in range(SIZE)]


def batch_of(trainer):
    """A scored batch whose completions lie in random order; advantages that no group is without."""
    batch = trainer._generate_and_score_completions(groups_of(trainer))
    batch["advantages"] = torch.linspace(-1.5, 1.5, GROUPS * SIZE)
    torch.manual_seed(3)
    return unsplit_pixel_values_by_grid(shuffle_sequence_dict(split_pixel_values_by_grid(batch)))


def per_token(trainer, batch, batch_size=None):
    """Log-probabilities and entropies of a batch's completions, each [rows, tokens]."""
    trainer._groups = batch["group"].tolist()
    logps, entropies, _ = trainer._get_per_token_logps_and_entropies(
        trainer.model,
        torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1),
        torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1),
        batch["completion_ids"].shape[1],
        batch_size,
        compute_entropy=True,
        **{name: batch[name] for name in IMAGES if name in batch},
    )
    return logps, entropies


def scored(trainer, batch):
    """Log-probabilities, entropies and the gradient of a weighted sum of both."""
    trainer.model.zero_grad()
    logps, entropies = per_token(trainer, batch)
    weights = torch.linspace(-1, 1, logps.numel()).view(logps.shape)
    (weights * (logps + 0.1 * entropies)).sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])
    return logps.detach(), entropies.detach(), gradient
