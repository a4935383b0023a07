"""A vision-language model: asked in words, answers in words. What trains it is left to its descendants."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medloc.data.example import Example
from medloc.data.prompts import TARGETS, known_prompts
from medloc.data.task import question_of
from medloc.evaluation.answer import answer_all, nearest_ious
from medloc.evaluation.kept import KeptInputs
from medloc.evaluation.samples import Sample
from medloc.models.load import load_model
from medloc.models.lora import merged
from medloc.runs.record import Record
from medloc.spec.run import RunSpec
from medloc.training.distributed.gather import save_whole
from medloc.training.runner.model_card import write_model_card


class VisionLanguageSystem:
    """Answers with `loaded`, the model of `settings.model`, to the method's or the data set's prompt."""

    starts_able = True

    def __init__(self, settings: RunSpec):
        self.settings = settings
        self.loaded = load_model(settings.model)
        self.kept = KeptInputs(settings.evaluation.keep_mb * 1_000_000)
        if settings.launch.engine == "fsdp2":
            self.loaded.model._is_fsdp_managed_module = True  # processes then generate in step
        self.prompt = question_of(settings.dataset, settings.method.prompt)

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.loaded.fingerprint

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Says so where a tiny base is asked something that it was never taught to answer."""
        if self.settings.model.published or self.prompt in known_prompts():
            return ()
        return (
            f"{self.settings.model.name} was not taught this question, so that its answers may hold no box at first; "
            f"it knows those for {', '.join(TARGETS.values())} (dataset.target=).",
        )

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answers every example greedily."""
        return answer_all(
            self.loaded,
            examples,
            self.prompt,
            batch_size=self.settings.evaluation.batch_size,
            max_new_tokens=self.settings.train.max_completion_length,
            kept=self.kept,
        )

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Returns what the answer grid allows."""
        return nearest_ious(self.loaded, examples)

    def keep(self, trained: Any) -> None:
        """Takes a trained model for the one that answers, adapters added into its weights."""
        if hasattr(trained, "peft_config"):
            self.loaded = replace(self.loaded, model=merged(trained).eval())

    def describe(self, folder: Path, record: Record) -> None:
        """Writes the card of what was saved."""
        if folder.is_dir():
            write_model_card(folder, record, self.loaded.grid(1000, 1000).space, self.prompt)

    def save(self, folder: Path) -> None:
        """Saves model and processor."""
        save_whole(self.loaded.model, self.loaded.processor, folder, self.settings)
