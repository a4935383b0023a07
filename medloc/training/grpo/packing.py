"""Lay a group out as one row: its prompt, then each of its answers, under a mask that keeps the answers apart.

    row       [ padding | prompt without its last token | last, a1, a2 | last, b1, b2, b3 | padding ]
    predicts                                               a1    a2  a3   b1    b2  b3  b4

An answer's part begins with the prompt's last token, which predicts the answer's first one; the answer's own last token
predicts nothing and is left out. A part sees the prompt and itself. Its positions are those of a row of its own. The
sums are therefore those of separate rows, and log-probabilities and gradients are the same up to rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

PADDING = -1
"""The part to which padding belongs; 0 is the prompt, and an answer's part is its row's number + 1."""


@dataclass(frozen=True)
class Packed:
    """R groups as R rows of L columns; the answers lie in the last T columns.

    Attributes:
        ids: [R, L] token ids.
        positions: [R, L] or, with several axes of position, [axes, R, L].
        mask: [R, 1, L, L] whether a column (third) sees another (fourth).
        labels: [R, T] the token that each of the last T columns predicts; -100 for padding.
        place: for each token of the answers, its answer, its column there, its packed row, its column of the last T.
        shape: answers, tokens of the longest (B, C).
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    place: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
    shape: tuple[int, int]

    def unpack(self, values: torch.Tensor) -> torch.Tensor:
        """Return values of the last T columns [R, T] as values of the answers [B, C]; 0 for padding."""
        answer, column, row, cell = self.place
        return values.new_zeros(self.shape).index_put((answer, column), values[row, cell])


def number_groups(groups: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the first row of each group, and for every row the number of its group, in order of appearance."""
    first = {group: row for row, group in reversed(list(enumerate(groups)))}
    ordered = sorted(first, key=lambda group: first[group])
    return [first[group] for group in ordered], [ordered.index(group) for group in groups]


def pack(ids: torch.Tensor, mask: torch.Tensor, longest: int, groups: Sequence[int], positions: torch.Tensor) -> Packed:
    """Pack rows that begin with the same prompt into one row per group.

    Args:
        ids: [B, P + C] prompts padded on the left, answers padded on the right.
        mask: [B, P + C] 1 for tokens, 0 for padding.
        longest: C, columns of the answers.
        groups: B names of groups; rows of one group have the same prompt.
        positions: [R, P + C] or [axes, R, P + C] positions of a row of each group, in order of appearance, with an
            answer of C tokens.
    """
    first, number = number_groups(groups)
    start = ids.shape[1] - longest - 1  # the prompt's last token
    kept = mask[:, start + 1 :]
    places, width = _places(kept, number)
    answer, column = kept.nonzero(as_tuple=True)
    row, cell = torch.tensor(number, device=ids.device)[answer], places[answer, column]

    last = ids[first, start]  # fills the padding, which must not look like an image
    tail = last[:, None].repeat(1, width).index_put((row, cell), ids[answer, start + column])
    labels = ids.new_full((len(first), width), -100).index_put((row, cell), ids[answer, start + 1 + column])
    part = torch.full_like(tail, PADDING).index_put((row, cell), answer + 1)
    after = positions.new_zeros(*positions.shape[:-1], width)
    after[..., row, cell] = positions[..., row, start + column]

    lead = int(mask[first].any(0).int().argmax())  # columns before are padding in every prompt
    prompt_part = torch.where(mask[first, lead:start].bool(), 0, PADDING)
    return Packed(
        ids=torch.cat([ids[first, lead:start], tail], 1),
        positions=torch.cat([positions[..., lead:start], after], -1),
        mask=_visible(torch.cat([prompt_part, part], 1)),
        labels=labels,
        place=(answer, column, row, cell),
        shape=(len(ids), longest),
    )


def _places(kept: torch.Tensor, number: Sequence[int]) -> tuple[torch.Tensor, int]:
    """Return the column of the last T to which each token of the answers [B, C] goes, and T."""
    ends = [0] * len(set(number))
    begins = []
    for group, length in zip(number, kept.sum(1).tolist(), strict=True):
        begins.append(ends[group])
        ends[group] += length
    return kept.cumsum(1) - 1 + torch.tensor(begins, device=kept.device)[:, None], max(1, *ends)


def _visible(part: torch.Tensor) -> torch.Tensor:
    """Return which column sees which [R, 1, L, L], from the part of each [R, L]: its own part and the prompt so far."""
    own_or_prompt = (part[:, :, None] == part[:, None, :]) | (part[:, None, :] == 0)
    return own_or_prompt.tril()[:, None]
