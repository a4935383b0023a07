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
from medloc.rewards import Answer

T = TypeVar("T")
GREEDY: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
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
    for batch in in_batches(examples, batch_size, "answering"):
        files = tuple(example.image for example in batch)
        inputs = cache.get(files, partial(_inputs_of_files, loaded, files, prompt))
        texts = _complete(loaded, inputs, max_new_tokens=max_new_tokens, **GREEDY)
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
    with seeded(seed, loaded.model.device):
        texts = [
            _complete(
                loaded,
                _inputs(loaded, [open_image(example.image)] * group_size, prompt),
                max_new_tokens=max_new_tokens,
                do_sample=True,
                temperature=temperature,
                top_p=1.0,
                top_k=0,
            )
            for example in tqdm(examples, desc="sampling", unit="group", **BAR)
        ]
    return [
        [judge_answer(example, text, loaded.grid(example.width, example.height)) for text in group]
        for group, example in zip(texts, examples, strict=True)
    ]


def answer_images(loaded: LoadedModel, images: Sequence[Image.Image], prompt: str, *, max_new_tokens: int) -> list[str]:
    """Return the model's greedy answer to each image."""
    return _complete(loaded, _inputs(loaded, list(images), prompt), max_new_tokens=max_new_tokens, **GREEDY)


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


def _complete(loaded: LoadedModel, inputs: Any, **generation: Any) -> list[str]:
    """Return the model's completions, computed on its device and in the precision it is trained in."""
    device = loaded.model.device
    inputs = {name: value.to(device) for name, value in inputs.items()}
    with torch.autocast(device.type, torch.bfloat16) if loaded.bf16 else nullcontext():
        # generate computes no gradients. Inference mode cannot be used: FSDP2 keeps the buffers of its first pass.
        tokens = loaded.model.generate(
            **inputs,
            **generation,
            repetition_penalty=1.0,  # a published default of 1.05 would penalize the repeated digits of a box
            use_cache=True,
        )
    return loaded.processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
