"""Attention inside image windows through PyTorch's variable-length kernel, where no flash-attention is installed.

The vision towers of Qwen attend within windows of a few dozen patches. Without flash-attention, transformers calls
attention once a window, in a Python loop. `torch.nn.attention.varlen` takes all windows in one call.
"""

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "torch_flash_varlen"
"""The name under which transformers knows it. With "flash" in it, a tower hands over all windows and their bounds."""


def attend_by_windows(model: Any) -> None:
    """Have the vision tower of a Qwen model attend to all windows in one call; other models stay as they are.

    So does a tower that was loaded with an implementation other than SDPA.
    """
    tower = getattr(getattr(model, "model", None), "visual", None)
    if tower is not None and tower.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, windowed_attention)
        tower.config._attn_implementation = NAME  # not through the model: it would look for a package of that name


def windowed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within windows, as transformers' attention functions are called; no dropout.

    Args:
        module: the attention layer; unused.
        query: [1, heads, patches, size].
        key: likewise.
        value: likewise.
        attention_mask: None; the windows say who sees whom.
        scaling: multiplies the scores.
        cu_seq_lens_q: bounds of the windows [windows + 1], int32, from 0 to the number of patches.
        max_length_q: patches of the longest window.

    Returns:
        [1, patches, heads, size], and None in the place of the weights. Half precision on CUDA takes the kernel; any
        other takes SDPA window by window.
    """
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        from torch.nn.attention.varlen import varlen_attn  # torch >= 2.10

        usual = query.shape[-1] ** -0.5  # what the kernel multiplies by; the first releases take no other
        query = query if scaling == usual else query * (scaling / usual)
        flat = (states[0].transpose(0, 1).contiguous() for states in (query, key, value))
        out = varlen_attn(*flat, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q)
        return out[None], None
    lengths = cu_seq_lens_q.diff().tolist()
    windows = zip(*(states.split(lengths, dim=2) for states in (query, key, value)), strict=True)
    out = torch.cat([scaled_dot_product_attention(q, k, v, scale=scaling) for q, k, v in windows], dim=2)
    return out.transpose(1, 2), None
