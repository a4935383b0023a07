"""Train a model by GRPO: a run's settings become TRL's configuration, its examples become TRL's rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.data.prompts import target_of
from medloc.models.base import LoadedModel
from medloc.models.decoding import can_decode
from medloc.models.semantic import SemanticReward
from medloc.models.vision_attention import attend_by_windows
from medloc.models.vlm import lora_config
from medloc.rewards import Answer
from medloc.spec.launch import world_size
from medloc.spec.model import SHARDED
from medloc.spec.run import RunSpec
from medloc.spec.train import completions_at_once
from medloc.training.callbacks.trace import TraceWriter
from medloc.training.grpo.dead_groups import DeadGroupsGRPOTrainer
from medloc.training.grpo.rule import BesideReward, Rows, Rule
from medloc.training.grpo.trainer import CurriculumGRPOTrainer
from medloc.training.grpo.vllm import own_engine, rollout_arguments
from medloc.training.runner.arguments import common_arguments, planned_steps
from medloc.training.runner.checkpoint import fit


def grpo_config(settings: RunSpec, steps: int, folder: Path) -> GRPOConfig:
    """Returns TRL's configuration: Eq. 1-2 as docs/reproduction/paper_map.md reads them; departures are named."""
    train = settings.train
    completions = train.prompts_per_step * train.group_size
    return GRPOConfig(
        **common_arguments(settings, steps, folder),
        per_device_train_batch_size=completions_at_once(train),
        gradient_accumulation_steps=completions // (completions_at_once(train) * world_size(settings.launch)),
        num_generations=train.group_size,
        temperature=train.temperature,
        top_p=1.0,
        top_k=0,
        max_completion_length=train.max_completion_length,
        loss_type="grpo",  # Eq. 2: mean over a completion's tokens, then over completions
        scale_rewards="group",  # Eq. 1
        epsilon=train.epsilon,
        num_iterations=1,
        beta=train.beta,
        model_init_kwargs={"dtype": train.reference_dtype} if train.reference_dtype else None,  # of the reference
        use_bias_correction_kl=False,  # trl's default since 1.10 changes the KL gradient
        importance_sampling_level="token",
        **rollout_arguments(settings),
    )


def training_rows(examples: Sequence[Example], prompt: str) -> Dataset:
    """Return TRL's rows: the conversation, the image (opened when asked for), the truth and the image's size."""
    rows = [
        {
            "prompt": [{"role": "user", "content": prompt}],
            "path": str(example.image),
            "truth": example.box.as_list(),
            "width": example.width,
            "height": example.height,
        }
        for example in examples
    ]
    return Dataset.from_list(rows).with_transform(_with_images)


def _with_images(batch: dict[str, list]) -> dict[str, list]:
    opened = {path: open_image(Path(path)) for path in dict.fromkeys(batch["path"])}  # a group's image is opened once
    return {**batch, "image": [opened[path] for path in batch["path"]]}


def semantic_rewards(settings: RunSpec, device: torch.device) -> tuple[tuple[BesideReward, float], ...]:
    """Return MedGround-R1's semantic reward with its weight, or nothing for a method without one.

    Its text is the name of the data set's target.
    """
    if not settings.method.semantic_weight:
        return ()
    score, text = SemanticReward(settings.method, device), target_of(settings.dataset)

    def semantic(answers: list[Answer], rows: Rows) -> list[float]:
        return score([row["image"] for row in rows], [one.box for one in answers], text)

    return ((semantic, settings.method.semantic_weight),)


def train_grpo(
    loaded: LoadedModel,
    rule: Rule,
    examples: Sequence[Example],
    prompt: str,
    settings: RunSpec,
    folder: Path,
    trace: TraceWriter,
    callbacks: list[TrainerCallback],
) -> Any:
    """Train `loaded.model` in place, resuming from the newest whole checkpoint under `folder`.

    Args:
        loaded: the policy, its processor and grid.
        rule: what completions earn; its curriculum ends up as training left it.
        examples: training images.
        prompt: the question.
        settings: the run's settings.
        folder: where checkpoints lie.
        trace: writes a line per step.
        callbacks: evaluation, progress.

    Returns:
        The model as the trainer holds it, adapters and all.
    """
    steps = planned_steps(settings.train, len(examples))
    arguments = grpo_config(settings, steps, folder)
    train = settings.train
    kind: Any = CurriculumGRPOTrainer
    options: dict[str, Any] = {}
    if train.dynamic_sampling or train.mask_dead_kl:
        kind = DeadGroupsGRPOTrainer
        options = {"redraws": train.dynamic_sampling, "mask_dead_kl": train.mask_dead_kl}
    with own_engine(settings):
        trainer = kind(
            rule=replace(rule, beside=semantic_rewards(settings, arguments.device)),
            grid=loaded.grid,
            on_observation=trace.observe,
            model=loaded.model,
            processing_class=loaded.processor,
            args=arguments,
            train_dataset=training_rows(examples, prompt),
            callbacks=[trace, *callbacks],
            peft_config=lora_config(settings.model),
            **options,
        )
    if torch.cuda.is_available():
        attend_by_windows(trainer.ref_model)  # TRL loads it anew, as transformers does
    if train.share_prompts:
        whole = settings.launch.engine not in SHARDED
        trainer.share(whole=whole)
        trainer.decodes = whole and settings.rollout.mode is None and can_decode(loaded.model)
    fit(trainer, folder)
    return trainer.model
