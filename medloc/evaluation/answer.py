"""Greedy answers to test images, in batches; nothing here touches the curriculum or the random state."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from medloc.data.example import Example
from medloc.data.images import open_image
from medloc.evaluation.judged import judged, nearest_on, sample_of
from medloc.evaluation.kept import KeptInputs
from medloc.evaluation.progress import in_batches, watched
from medloc.evaluation.samples import Sample
from medloc.models.load import LoadedModel
from medloc.rewards import Answer

GREEDY: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}


def answer_all(
    loaded: LoadedModel,
    examples: Sequence[Example],
    prompt: str,
    *,
    batch_size: int,
    max_new_tokens: int,
    kept: KeptInputs | None = None,
) -> list[Sample]:
    """Answers every example greedily and judges the answers.

    Args:
        loaded: model, processor and grid.
        examples: the images with their true boxes, in the order of the result.
        prompt: the question, the same for all.
        batch_size: images answered at once.
        max_new_tokens: longest answer.
        kept: prepared batches of earlier evaluations with this prompt; None prepares every batch anew.

    Returns:
        One sample per example.
    """
    kept = kept or KeptInputs(0)
    was_training = loaded.model.training
    loaded.model.eval()
    samples: list[Sample] = []
    for batch in in_batches(examples, batch_size, "answering"):
        files = tuple(example.image for example in batch)
        inputs = kept.get(files, partial(_inputs_of_files, loaded, files, prompt))
        texts = _complete(loaded, inputs, max_new_tokens=max_new_tokens, **GREEDY)
        samples.extend(
            sample_of(example, text, loaded.grid(example.width, example.height))
            for example, text in zip(batch, texts, strict=True)
        )
    loaded.model.train(was_training)
    return samples


def sample_groups(loaded: LoadedModel, examples: Sequence[Example], prompt: str, **sampling: Any) -> list[list[float]]:
    """Returns the IoUs of what `sample_answers` gives, one list per example."""
    return [[answer.iou for answer in group] for group in sample_answers(loaded, examples, prompt, **sampling)]


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
    """Samples a group of answers for every example, as a training step would, and judges them.

    The random state outside is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
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
            for example in watched(examples, "sampling", "group")
        ]
    return [
        [judged(example, text, loaded.grid(example.width, example.height)) for text in group]
        for group, example in zip(texts, examples, strict=True)
    ]


def answer_images(loaded: LoadedModel, images: Sequence[Image.Image], prompt: str, *, max_new_tokens: int) -> list[str]:
    """Returns what the model writes, greedily, to each image."""
    return _complete(loaded, _inputs(loaded, list(images), prompt), max_new_tokens=max_new_tokens, **GREEDY)


def nearest_ious(loaded: LoadedModel, examples: Sequence[Example]) -> Iterator[float]:
    """Returns the IoU of the best answer that each example's grid can express: the ceiling of every metric."""
    return nearest_on(loaded.grid, examples)


def _inputs_of_files(loaded: LoadedModel, files: Sequence[Path], prompt: str) -> Any:
    return _inputs(loaded, [open_image(file) for file in files], prompt)


def _inputs(loaded: LoadedModel, images: list[Image.Image], prompt: str) -> Any:
    """Returns what the model is given: every image with the same question, padded on the left."""
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    question = loaded.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    return loaded.processor(
        text=[question] * len(images), images=images, padding=True, padding_side="left", return_tensors="pt"
    )


def _complete(loaded: LoadedModel, inputs: Any, **generation: Any) -> list[str]:
    inputs = {name: value.to(loaded.model.device) for name, value in inputs.items()}
    tokens = loaded.model.generate(  # without gradients, not in inference mode: FSDP2 keeps its first pass's buffers
        **inputs,
        **generation,
        repetition_penalty=1.0,  # a published default of 1.05 would punish the repeated digits of a box
        use_cache=True,
    )
    return loaded.processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
