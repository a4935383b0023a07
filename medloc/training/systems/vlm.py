"""A vision-language model: asked in words, answers in words. GRPO and SFT build on it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from medloc.data.example import Example
from medloc.data.prompts import TARGETS, known_prompts, question_of
from medloc.evaluation.answer import InputCache, answer_all
from medloc.evaluation.samples import Sample, ceiling_ious
from medloc.models.base import save_base
from medloc.models.load import load_run_model
from medloc.models.memory import plain_out_of_memory
from medloc.models.vlm import merge_adapters
from medloc.runs.record import Record
from medloc.spec.run import RunSpec
from medloc.training.distributed.ranks import barrier, is_main_process
from medloc.training.runner.model_card import write_model_card

TRAINING_ONLY = ("path", "lora", "freeze_vision")
"""Settings of a model that do not change what it answers before training; its fingerprint stands for the path."""


class VisionLanguageSystem:
    """Answers with `loaded`, the model of `settings.model`, to the method's or the data set's prompt."""

    def __init__(self, settings: RunSpec):
        self.settings = settings
        self.loaded = load_run_model(settings)
        self.input_cache = InputCache(settings.evaluation.keep_mb * 1_000_000)
        if settings.launch.engine == "fsdp2":
            self.loaded.model._is_fsdp_managed_module = True  # processes then generate in step
        self.prompt = question_of(settings.dataset, settings.method.prompt)

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.loaded.fingerprint

    @property
    def untrained(self) -> dict[str, Any]:
        """Weights, settings of the model, question, and the numerics of generation."""
        model = asdict(self.settings.model)
        return {
            "weights": self.loaded.fingerprint,
            "model": {key: value for key, value in model.items() if key not in TRAINING_ONLY},
            "prompt": self.prompt,
            "max_new_tokens": self.settings.train.max_completion_length,
            "batch_size": self.settings.evaluation.batch_size,
            "device": self.loaded.model.device.type,
            "bf16": self.loaded.bf16,
        }

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Say so where a tiny base is asked a question that it was never taught."""
        if self.settings.model.published or self.prompt in known_prompts():
            return ()
        return (
            f"{self.settings.model.name} was not taught this question, so that its answers may hold no box at first; "
            f"it knows those for {', '.join(TARGETS.values())} (dataset.target=).",
        )

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answer every example greedily."""
        with plain_out_of_memory(self.settings, "answering"):
            return answer_all(
                self.loaded,
                examples,
                self.prompt,
                batch_size=self.settings.evaluation.batch_size,
                max_new_tokens=self.settings.train.max_completion_length,
                cache=self.input_cache,
            )

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Return what the answer grid allows."""
        return ceiling_ious(self.loaded.grid, examples)

    def keep(self, trained: Any) -> None:
        """Answer with a trained model from now on, its adapters merged into its weights."""
        if hasattr(trained, "peft_config"):
            self.loaded = replace(self.loaded, model=merge_adapters(trained).eval())

    def describe(self, folder: Path, record: Record) -> None:
        """Write the card of what was saved."""
        if folder.is_dir():
            write_model_card(folder, record, self.loaded.grid(1000, 1000).space, self.prompt)

    def save(self, folder: Path) -> None:
        """Save model and processor; adapters that are still being trained are added into a copy of the weights."""
        model = self.loaded.model
        config = model.config.get_text_config()
        cached = config.use_cache
        try:
            save_whole(model, self.loaded.processor, folder, self.settings, _with_adapters(model))
        finally:
            config.use_cache = cached  # saving switches it on, and gradient checkpointing needs it off


def _with_adapters(model: Any) -> dict[str, Any] | None:
    """Return the weights of a model in training with its adapters added; None where it has none."""
    layers = {name: layer for name, layer in model.named_modules() if hasattr(layer, "get_delta_weight")}
    if not layers:
        return None
    weights = {}
    for key, weight in model.state_dict().items():
        name, adapted, rest = key.partition(".base_layer.")
        if adapted and rest == "weight":
            for adapter in layers[name].active_adapters:
                weight = weight + layers[name].get_delta_weight(adapter)
        if ".lora_" not in key:
            weights[f"{name}.{rest}" if adapted else key] = weight
    return weights


def save_whole(
    model: Any, processor: Any, folder: Path, settings: RunSpec, weights: dict[str, Any] | None = None
) -> None:
    """Save model and processor once, whatever the launch. Every process has to call it.

    Args:
        model: The model, whole or in shards.
        processor: Its processor.
        folder: Where they go, in the `save_pretrained` layout.
        settings: The run's settings.
        weights: Saved in the place of the model's own; only where it is not in shards.
    """
    kind = settings.launch.engine
    if kind == "fsdp2":
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        shards = get_model_state_dict(model, options=options)  # tied weights once under each of their names
        once = {name: weight for name, weight in shards.items() if name not in model.all_tied_weights_keys}
        if is_main_process():
            save_base(model, processor, folder, once)
    elif kind == "zero3":
        import deepspeed  # its `zero` is an attribute, not a module

        with deepspeed.zero.GatheredParameters(list(model.parameters())):
            if is_main_process():
                save_base(model, processor, folder)
    elif is_main_process():
        save_base(model, processor, folder, weights)
    barrier()
