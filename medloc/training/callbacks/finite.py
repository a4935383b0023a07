"""Whether weights and gradients still are numbers."""

from collections.abc import Iterable

import torch


class DivergedError(ValueError):
    """Training has left the range in which it could come back; the last checkpoint is from before."""


def all_finite(tensors: Iterable[torch.Tensor]) -> bool:
    """Tells whether the tensors' joint norm is finite: no entry is NaN or infinite, or as good as that."""
    return bool(torch.nn.utils.get_total_norm([tensor.detach() for tensor in tensors]).isfinite())
