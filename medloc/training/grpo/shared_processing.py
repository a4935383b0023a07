"""Process once per group what a group's G completions have in common: the chat template, the tokens, the image.

TRL repeats a group's row G times and processes every repetition, twice a step. Here the processor gets the distinct
rows, and its output is repeated. Images are the same only if they are the same object; `medloc.training.grpo.train`
opens a group's image once.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

PER_IMAGE = ("pixel_values", "image_grid_thw")


def share_processing(processor: Any) -> None:
    """Make `processor` (a chat processor of transformers) process equal rows of a batch once.

    Batches without repetition take the ordinary path. The class keeps its name, because the name is saved with it.
    """
    kind = type(processor)
    processor.__class__ = type(kind.__name__, (_OncePerRow, kind), {"__module__": kind.__module__})


class _OncePerRow:
    """The first base class of a processor that shares its work."""

    def __call__(self, images: Any = None, text: Any = None, **kwargs: Any) -> Any:
        plain: Callable[..., Any] = super().__call__  # type: ignore[misc]
        paired = isinstance(text, list) and isinstance(images, list) and len(text) == len(images)
        rows = [(line, _identity(image)) for line, image in zip(text, images, strict=True)] if paired else []
        kept, index = _distinct(rows)
        if len(kept) == len(rows):
            return plain(images=images, text=text, **kwargs)
        batch = plain(images=[images[i] for i in kept], text=[text[i] for i in kept], **kwargs)
        return _repeated(batch, index) if _divides(batch, kept) else plain(images=images, text=text, **kwargs)

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        plain: Callable[..., Any] = super().apply_chat_template  # type: ignore[misc]
        if not conversation or isinstance(conversation[0], dict):
            return self._rendered(plain, conversation, *args, **kwargs)
        kept, index = _distinct([_content(one) for one in conversation])
        if len(kept) == len(conversation) or not kwargs.get("return_dict"):
            return plain(conversation, *args, **kwargs)
        batch = plain([conversation[i] for i in kept], *args, **kwargs)
        return _repeated(batch, index) if _divides(batch, kept) else plain(conversation, *args, **kwargs)

    def _rendered(self, plain: Callable[..., Any], conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """Render one conversation once; its text does not depend on its images."""
        if args or kwargs.get("tokenize"):
            return plain(conversation, *args, **kwargs)
        key = (_content(conversation, images=False), repr(sorted(kwargs.items())))
        known: dict[Hashable, str] = self.__dict__.setdefault("_texts", {})
        if key not in known:
            known.clear()  # a run has one question; the cache does not grow
            known[key] = plain(conversation, **kwargs)
        return known[key]


def _identity(image: Any) -> Hashable:
    return tuple(map(id, image)) if isinstance(image, list) else id(image)


def _content(conversation: Sequence[dict[str, Any]], images: bool = True) -> Hashable:
    """Return a key for the text of a conversation and, with `images`, its image objects."""

    def part(one: Any) -> Hashable:
        if not isinstance(one, dict):
            return str(one)
        return (one.get("type"), one.get("text"), images and id(one.get("image")))

    return tuple(
        (
            message["role"],
            *(map(part, message["content"]) if isinstance(message["content"], list) else (message["content"],)),
        )
        for message in conversation
    )


def _distinct(rows: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """Return the first index of each distinct row, and for every row the number of its distinct row."""
    place: dict[Hashable, int] = {}
    kept: list[int] = []
    index: list[int] = []
    for i, row in enumerate(rows):
        if row not in place:
            place[row] = len(kept)
            kept.append(i)
        index.append(place[row])
    return kept, index


def _divides(batch: Any, rows: Sequence[int]) -> bool:
    """Return whether a batch can be split by image: InternVL's cannot if an image has several tiles."""
    return "image_grid_thw" in batch or len(batch["pixel_values"]) == len(rows)


def _repeated(batch: Any, index: list[int]) -> Any:
    """Repeat the rows of a processed batch, in place; with a grid, each row has its own number of patches."""
    if "image_grid_thw" in batch:
        grid = torch.as_tensor(batch["image_grid_thw"])
        patches = torch.as_tensor(batch["pixel_values"]).split(grid.prod(-1).tolist())
        batch["pixel_values"], batch["image_grid_thw"] = torch.cat([patches[i] for i in index]), grid[index]
    for key, value in batch.items():
        if "image_grid_thw" in batch and key in PER_IMAGE:
            continue
        batch[key] = value[index] if isinstance(value, torch.Tensor) else [value[i] for i in index]
    return batch
