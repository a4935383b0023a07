"""Answers of a vision-language model to images: greedy in batches, or sampled in groups.

Nothing here changes the curriculum or any random state outside.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from PIL import Image
from tqdm import tqdm

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.evaluation.samples import Sample, judge_answer, sample_of
from medloc.models.base import LoadedModel
from medloc.models.decoding import Decoder, Decoding, can_decode
from medloc.rewards import Answer

T = TypeVar("T")
BAR: dict[str, Any] = {"disable": None, "leave": False, "delay": 2}
"""A progress bar on standard error, only on a terminal, after two seconds, removed at the end."""


def in_batches(items: Sequence[T], size: int, what: str) -> Iterator[Sequence[T]]:
    """Yield slices of at most `size` items, with a progress bar that counts items and is labelled `what`."""
    with tqdm(total=len(items), desc=what, unit="image", **BAR) as bar:
        for start in range(0, len(items), size):
            batch = items[start : start + size]
            yield batch
            bar.update(len(batch))


class InputCache:
    """The model's prepared inputs for batches of images, kept in main memory from one evaluation to the next.

    Batches that come first stay; later ones are not kept once the limit is reached.

    Args:
        limit: bytes; 0 keeps nothing.
    """

    def __init__(self, limit: int):
        self.limit, self.size = limit, 0
        self._kept: dict[Hashable, Any] = {}

    def get(self, name: Hashable, prepare: Callable[[], Any]) -> Any:
        """Return the inputs of the batch `name`: the kept ones, or those that `prepare` makes."""
        if name in self._kept:
            return self._kept[name]
        inputs = prepare()
        size = sum(value.nbytes for value in inputs.values() if isinstance(value, torch.Tensor))
        if self.size + size <= self.limit:
            self._kept[name] = inputs
            self.size += size
        return inputs


def answer_all(
    loaded: LoadedModel,
    examples: Sequence[Example],
    prompt: str,
    *,
    batch_size: int,
    max_new_tokens: int,
    cache: InputCache | None = None,
) -> list[Sample]:
    """Answer every example greedily and judge the answers.

    Args:
        loaded: model, processor and grid.
        examples: the images with their true boxes, in the order of the result.
        prompt: the question, the same for all.
        batch_size: images answered at once.
        max_new_tokens: longest answer.
        cache: prepared batches of earlier evaluations with this prompt; None prepares every batch anew.

    Returns:
        One sample per example.
    """
    cache = cache or InputCache(0)
    was_training = loaded.model.training
    loaded.model.eval()
    samples: list[Sample] = []
    with _completing(loaded, max_new_tokens) as complete:
        for batch in in_batches(examples, batch_size, "answering"):
            files = tuple(example.image for example in batch)
            texts = complete(cache.get(files, partial(_inputs_of_files, loaded, files, prompt)))
            samples.extend(
                sample_of(example, text, loaded.grid(example.width, example.height))
                for example, text in zip(batch, texts, strict=True)
            )
    loaded.model.train(was_training)
    return samples


def sample_answers(
    loaded: LoadedModel,
    examples: Sequence[Example],
    prompt: str,
    *,
    group_size: int,
    temperature: float,
    max_new_tokens: int,
    seed: int,
) -> list[list[Answer]]:
    """Sample a group of answers for every example, as a training step would, and judge them.

    Args:
        loaded: model, processor and grid.
        examples: the images with their true boxes, in the order of the result.
        prompt: the question, the same for all.
        group_size: answers per example.
        temperature: sampling temperature.
        max_new_tokens: longest answer.
        seed: seeds the sampling; the random state outside does not change.

    Returns:
        One list of `group_size` answers per example.
    """
    with seeded(seed, loaded.model.device), _completing(loaded, max_new_tokens, temperature, group_size) as complete:
        texts = [
            complete(_inputs(loaded, [open_image(example.image)], prompt))
            for example in tqdm(examples, desc="sampling", unit="group", **BAR)
        ]
    return [
        [judge_answer(example, text, loaded.grid(example.width, example.height)) for text in group]
        for group, example in zip(texts, examples, strict=True)
    ]


def answer_images(loaded: LoadedModel, images: Sequence[Image.Image], prompt: str, *, max_new_tokens: int) -> list[str]:
    """Return the model's greedy answer to each image."""
    with _completing(loaded, max_new_tokens) as complete:
        return complete(_inputs(loaded, list(images), prompt))


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed PyTorch's generators of the CPU and of `device`, and restore them at the end.

    `torch.manual_seed` is not used: it reseeds every GPU of the machine.
    """
    generators: Iterable[torch.Generator] = [torch.default_generator]
    if device.type == "cuda":
        torch.cuda.init()  # the generators exist from then on
        generators = [*generators, torch.cuda.default_generators[device.index or 0]]
    elif device.type == "mps":
        generators = [*generators, torch.mps._get_default_mps_generator()]
    states = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _inputs_of_files(loaded: LoadedModel, files: Sequence[Path], prompt: str) -> Any:
    return _inputs(loaded, [open_image(file) for file in files], prompt)


def _inputs(loaded: LoadedModel, images: list[Image.Image], prompt: str) -> Any:
    """Return the processor's tensors: every image with the same question, padded on the left."""
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    question = loaded.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    return loaded.processor(
        text=[question] * len(images), images=images, padding=True, padding_side="left", return_tensors="pt"
    )


@contextmanager
def _completing(
    loaded: LoadedModel, max_new_tokens: int, temperature: float | None = None, answers: int = 1
) -> Iterator[Callable[[Any], list[str]]]:
    """Yield what completes a batch of prompts, in the model's precision: the texts of `answers` for each, in order.

    Greedy without a temperature. One precision context spans all batches: autocast then casts each weight once.
    """
    model = loaded.model
    how = _decoding(loaded, max_new_tokens, temperature)
    decoder = Decoder(model) if can_decode(model) else None

    def complete(prompts: Any) -> list[str]:
        rows = [row for row in range(len(prompts["input_ids"])) for _ in range(answers)]
        tokens = decoder(prompts, rows, how) if decoder else _generate(model, prompts, answers, how)
        return list(loaded.processor.batch_decode(tokens, skip_special_tokens=True))

    with torch.autocast(model.device.type, torch.bfloat16) if loaded.bf16 else nullcontext():
        yield complete


def _decoding(loaded: LoadedModel, max_new_tokens: int, temperature: float | None) -> Decoding:
    """Return how the model's answers end, by its own configuration, and that no image token is sampled."""
    config = loaded.model.generation_config
    ids = config.eos_token_id
    eos = tuple(ids) if isinstance(ids, list) else () if ids is None else (ids,)
    pad = loaded.processor.tokenizer.pad_token_id if config.pad_token_id is None else config.pad_token_id
    suppress = () if temperature is None else (loaded.model.config.image_token_id,)
    return Decoding(max_new_tokens, eos, pad, temperature, suppress)


def _generate(model: Any, prompts: Any, answers: int, how: Decoding) -> torch.Tensor:
    """Return what `Decoder` returns, through transformers: for sharded weights and devices that it does not know."""
    sampled = how.temperature is not None
    tokens: torch.Tensor = model.generate(
        **{name: value.to(model.device) for name, value in prompts.items()},
        do_sample=sampled,
        temperature=how.temperature,
        top_p=1.0 if sampled else None,
        top_k=0 if sampled else None,
        suppress_tokens=list(how.suppress) or None,
        num_return_sequences=answers,
        max_new_tokens=how.max_new_tokens,
        repetition_penalty=1.0,  # a published default of 1.05 would penalize the repeated digits of a box
        use_cache=True,
    )  # generate computes no gradients; inference mode cannot be used: FSDP2 keeps the buffers of its first pass
    return tokens[:, prompts["input_ids"].shape[1] :]
