"""Sample a step's completions with `medloc.models.decoding`: each prompt runs once, its group follows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from trl.models import unwrap_model_for_generation
from trl.trainer.utils import pad

from medloc.models.decoding import Decoder, Decoding


class DecodesOnce:
    """A base class of our trainer, before TRL's, that samples completions itself while `decodes` is true.

    TRL's own path samples where the weights are sharded, where vLLM does, and under settings of generation that
    `Decoding` has no name for.
    """

    decodes = False

    def _generate_single_turn(
        self: Any,
        prompt_ids: list[list[int]],
        images: list | None,
        multimodal_fields: dict[str, Any],
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], None]:
        config = getattr(self, "generation_config", None)
        if not self.decodes or has_tool_images or config is None or not _is_plain(config):
            sampled: tuple = super()._generate_single_turn(  # type: ignore[misc]
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
            return sampled
        prompts, rows = distinct_prompts(
            prompt_ids, images, multimodal_fields, self._tokenizer.pad_token_id, self.model.config.image_token_id
        )
        how = Decoding(
            max_new_tokens=config.max_new_tokens,
            eos=tuple(self.eos_token_ids),
            pad=self._tokenizer.pad_token_id,
            temperature=self.temperature,
            suppress=tuple(config.suppress_tokens or ()),
        )
        unwrapped = unwrap_model_for_generation(
            self.model_wrapped,
            self.accelerator,
            gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
        )
        with unwrapped as model, self.accelerator.autocast():
            tokens = Decoder(model)(prompts, rows, how)
        return [_until_end(row, how.eos) for row in tokens.tolist()], None


def distinct_prompts(
    prompt_ids: Sequence[Sequence[int]],
    images: Sequence[Sequence[Any] | None] | None,
    fields: dict[str, Any],
    pad_token: int,
    image_token: int | None,
) -> tuple[dict[str, torch.Tensor], list[int]]:
    """Return the model's inputs for the distinct prompts of a batch.

    Args:
        prompt_ids: every prompt's tokens, unpadded.
        images: every prompt's images; the same image is the same object.
        fields: the processor's other outputs for all prompts: values per token, per prompt, and `pixel_values`, which
            are patches with `image_grid_thw` and tiles without.
        pad_token: fills shorter prompts, on the left.
        image_token: stands for an image's features in a prompt.

    Returns:
        Tensors for the distinct prompts, and for each prompt of the batch the number of its distinct one.
    """
    pictures = images or [None] * len(prompt_ids)
    place: dict[Any, int] = {}
    keys = [(tuple(ids), tuple(map(id, own or ()))) for ids, own in zip(prompt_ids, pictures, strict=True)]
    rows = [place.setdefault(key, len(place)) for key in keys]
    kept = [rows.index(number) for number in range(len(place))]
    ids = [torch.tensor(prompt_ids[i]) for i in kept]
    prompts = {
        "input_ids": pad(ids, padding_value=pad_token, padding_side="left"),
        "attention_mask": pad([torch.ones_like(one) for one in ids], padding_value=0, padding_side="left"),
    }
    grid = fields.get("image_grid_thw")
    for name, value in fields.items():
        if isinstance(value, list) and value and isinstance(value[0], list):  # per token
            prompts[name] = pad([torch.tensor(value[i]) for i in kept], padding_value=0, padding_side="left")
            continue
        whole = value if isinstance(value, torch.Tensor) else torch.tensor(np.array(value))
        if name == "image_grid_thw":
            counts = [len(own or ()) for own in pictures]
        elif name == "pixel_values" and grid is None:
            tokens = [sum(token == image_token for token in ids) for ids in prompt_ids]
            counts = [count * len(whole) // sum(tokens) for count in tokens]
        elif name == "pixel_values":
            patches = torch.as_tensor(grid).prod(-1).split([len(own or ()) for own in pictures])
            counts = [int(own.sum()) for own in patches]
        else:
            counts = [1] * len(rows)
        parts = whole.split(counts)
        prompts[name] = torch.cat([parts[i] for i in kept])
    return prompts, rows


def _is_plain(config: Any) -> bool:
    """Return whether nothing but a temperature and suppressed tokens moves the probabilities."""
    neutral = {"top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0, "num_beams": 1}
    return all(getattr(config, name, None) in (value, None) for name, value in neutral.items())


def _until_end(tokens: list[int], eos: tuple[int, ...]) -> list[int]:
    """Return tokens up to the first that ends an answer, that one with them."""
    end = next((place for place, token in enumerate(tokens) if token in eos), len(tokens))
    return tokens[: end + 1]
