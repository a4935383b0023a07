"""A vision-language model: asked in words, answers in words. What trains it is left to its descendants."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from medloc.data.example import Example
from medloc.data.prompts import prompt_for
from medloc.evaluation.answer import answer_all, nearest_ious
from medloc.evaluation.progress import in_batches
from medloc.evaluation.samples import Sample
from medloc.models.load import load_model, save_base
from medloc.settings.run import Settings


class VisionLanguageSystem:
    """Answers with `loaded`, the model of `settings.model`, to the method's or the data set's prompt."""

    starts_able = True

    def __init__(self, settings: Settings):
        self.settings = settings
        self.loaded = load_model(settings.model)
        self.prompt = prompt_for(settings.dataset.name, settings.dataset.prompt or settings.method.prompt)

    @property
    def fingerprint(self) -> str:
        """The base's."""
        return self.loaded.fingerprint

    def notes(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Returns nothing: it learns from image, question and box alone."""
        return ()

    def answer(self, examples: Sequence[Example]) -> list[Sample]:
        """Answers every example greedily."""
        size, longest = self.settings.evaluation.batch_size, self.settings.train.max_completion_length
        samples: list[Sample] = []
        for batch in in_batches(examples, size, "answering"):
            samples += answer_all(self.loaded, batch, self.prompt, batch_size=size, max_new_tokens=longest)
        return samples

    def nearest(self, examples: Sequence[Example]) -> Iterable[float]:
        """Returns what the answer grid allows."""
        return nearest_ious(self.loaded, examples)

    def save(self, folder: Path) -> None:
        """Saves model and processor."""
        save_base(self.loaded.model, self.loaded.processor, folder)
