"""GRPO's log-probabilities with a group as one row: its image is encoded once, its prompt is computed once.

TRL scores every completion in a row of its own. Here the policy, the reference and the policy before the update score
the part of a group that is in a micro-batch as one row (`medloc.training.grpo.packing`). The row goes through the
model's own arguments, so that activation checkpointing, adapters, DDP, ZeRO and FSDP2 work as they do without.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from trl import GRPOTrainer
from trl.trainer.utils import split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

from medloc.models.vlm import base_model
from medloc.training.grpo.packing import Packed, number_groups, pack
from medloc.training.grpo.shared_features import FrozenFeatures, frozen_features, share_features
from medloc.training.grpo.shared_processing import share_processing

PACKS = ("qwen2_5_vl", "qwen3_vl", "internvl")
"""`model_type` of the families whose packed rows are tested; TRL's own path trains any other."""

IMAGES = {"pixel_values", "image_grid_thw", "num_images", "num_tiles", "mm_token_type_ids"}
"""What a packed row is given of TRL's arguments for images."""


class PackedGroups(GRPOTrainer):
    """GRPO that scores groups as packed rows once `share` was called.

    Micro-batches in which no prompt repeats, and models that `can_pack` refuses, take TRL's own path.
    """

    _buffered_inputs: Any
    _sharing = False
    _frozen: FrozenFeatures | None = None
    _groups: list[int] | None = None  # the group of each row of the present pass

    def share(self, whole: bool) -> None:
        """Share from now on what the completions of a group have in common.

        Args:
            whole: whether this process holds the whole model. Shards are gathered by all processes together, so that
                none may skip the vision tower for images that it knows.
        """
        self._sharing = True
        share_processing(self.processing_class)
        policy = base_model(self.accelerator.unwrap_model(self.model))
        if not (whole and policy.config.model_type in PACKS):
            return
        self._frozen = frozen_features(policy)
        for model in (policy, self.accelerator.unwrap_model(self.ref_model) if self.ref_model is not None else None):
            if model is not None:
                share_features(model, self._frozen)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """Return the next micro-batch; a group's completions lie side by side.

        TRL shuffles the completions of a generation batch. Where they make one optimizer step, their order decides
        nothing but how often a prompt is computed.
        """
        parts = self.args.steps_per_generation
        if not self.model.training or parts * self.num_iterations != self.args.gradient_accumulation_steps:
            return super()._prepare_inputs(generation_batch)
        if self._step % parts == 0 or self._buffered_inputs is None:
            batch = self._generate_and_score_completions(generation_batch)
            torch.randperm(len(batch["completion_ids"]))  # TRL's draw: the next sampling begins where TRL's would
            self._buffered_inputs = micro_batches(batch, parts)
        return self._buffered_inputs[self._step % parts]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        if self._frozen is not None:
            self._frozen.forget()
        self._groups = groups_of(inputs)
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        output["group"] = torch.tensor(self._groups)
        return output

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        self._groups = inputs["group"].tolist() if "group" in inputs else None
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        return loss

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        **images: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Return log-probabilities and entropies of the completions, each [rows, tokens] with 0 for padding."""
        base = base_model(self.accelerator.unwrap_model(model))
        prompts = input_ids[:, :-logits_to_keep], attention_mask[:, :-logits_to_keep]
        if compute_aux_loss or not (self._sharing and can_pack(base) and self._repeats(base, *prompts, images)):
            more = (batch_size, compute_entropy, compute_aux_loss)
            scored: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
            scored = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, *more, **images
            )
            return scored
        assert self._groups is not None
        pixels, rows = rows_of_images(images), len(input_ids)
        logps, entropies = [], []
        for begin in range(0, rows, batch_size or rows):
            part = range(begin, min(begin + (batch_size or rows), rows))
            groups = [self._groups[row] for row in part]
            first = [part[row] for row in number_groups(groups)[0]]
            shown = {name: torch.cat([each[row] for row in first]) for name, each in pixels.items()}
            positions = positions_of(base.model, input_ids[first], attention_mask[first], logits_to_keep, shown)
            packed = pack(
                input_ids[begin : part.stop], attention_mask[begin : part.stop], logits_to_keep, groups, positions
            )
            with last_columns(base.model, packed.labels.shape[1]), self.accelerator.autocast():
                outputs = model(**arguments_of(packed), **shown, fused_lm_head=True)
            logps.append(packed.unpack(outputs.log_probs))
            if compute_entropy:
                entropies.append(packed.unpack(outputs.entropy))
        return torch.cat(logps), torch.cat(entropies) if compute_entropy else None, None

    def _repeats(self, base: Any, prompts: torch.Tensor, mask: torch.Tensor, images: dict[str, Any]) -> bool:
        """Return whether rows of one group are in this pass, all of them with the same prompt [rows, tokens]."""
        groups = self._groups
        given = {name for name, value in images.items() if value is not None}
        if groups is None or len(groups) != len(prompts) or len(set(groups)) == len(groups):
            return False
        if "pixel_values" not in given or not given <= IMAGES or not all(images["num_images"]):
            return False
        first, number = number_groups(groups)
        source = [first[place] for place in number]
        same = (prompts == prompts[source]) & (mask == mask[source])
        return bool(same.all() & (prompts[:, -1] != base.config.image_token_id).all())


def can_pack(model: Any) -> bool:
    """Return whether packed rows can go through `model`: its family is known, and its attention takes any mask."""
    text = model.config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    return model.config.model_type in PACKS and text._attn_implementation == "sdpa" and kinds == {"full_attention"}


def groups_of(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Return a number per row of the data set: rows with the same question about the same image object are a group."""
    keys = []
    for row in rows:
        images = row["images"] if row.get("images") else [row.get("image")]
        keys.append((repr(row["prompt"]), *map(id, images)))
    number = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return [number[key] for key in keys]


def micro_batches(batch: dict[str, Any], parts: int) -> list[dict[str, Any]]:
    """Return TRL's batch in so many parts of consecutive rows."""
    if parts == 1:
        return [batch]
    split = split_tensor_dict(split_pixel_values_by_grid(batch), parts)
    return [unsplit_pixel_values_by_grid(part) for part in split]


def rows_of_images(images: dict[str, Any]) -> dict[str, Sequence[torch.Tensor]]:
    """Return the model's arguments for images, row by row: Qwen's patches with their grids, or InternVL's tiles."""
    pixels, grids, counts = images["pixel_values"], images.get("image_grid_thw"), images["num_images"]
    if grids is None:
        return {"pixel_values": pixels.split(images.get("num_tiles") or counts)}
    lengths = torch.stack([each.sum() for each in grids.prod(-1).split(counts)])
    return {"pixel_values": pixels.split(lengths.tolist()), "image_grid_thw": grids.split(counts)}


def positions_of(
    backbone: Any, ids: torch.Tensor, mask: torch.Tensor, longest: int, images: dict[str, torch.Tensor]
) -> torch.Tensor:
    """Return the positions that rows have by themselves, [rows, columns] or [3, rows, columns].

    Args:
        backbone: the model without its head.
        ids: [rows, columns] prompts and answers.
        mask: [rows, columns] 1 for tokens.
        longest: columns of the answers, which are numbered to their end, whatever of them is padding.
        images: the rows' images.
    """
    if not hasattr(backbone, "get_rope_index"):
        return torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)  # InternVL counts padding as well
    mask, kinds = mask.clone(), (ids == backbone.config.image_token_id).int()
    mask[:, -longest:], kinds[:, -longest:] = 1, 0
    grids = images["image_grid_thw"]
    positions: torch.Tensor = backbone.get_rope_index(
        ids, mm_token_type_ids=kinds, image_grid_thw=grids, attention_mask=mask
    )[0]
    return positions


def arguments_of(packed: Packed) -> dict[str, torch.Tensor]:
    """Return the arguments of the forward, with TRL's fused head, that stand for packed rows."""
    return {
        "input_ids": packed.ids,
        "attention_mask": packed.mask,
        "position_ids": packed.positions,
        "shift_labels": packed.labels,
    }


@contextmanager
def last_columns(backbone: Any, count: int) -> Iterator[None]:
    """While it lasts, `backbone` returns the states of its last `count` columns only: the head scores no prompt."""

    def cut(module: Any, inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[:, -count:]
        return output

    hook = backbone.register_forward_hook(cut)
    try:
        yield
    finally:
        hook.remove()
