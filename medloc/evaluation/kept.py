"""What one evaluation has prepared, kept for the next: a run looks at the same test images again and again."""

from collections.abc import Callable, Hashable
from typing import Any

import torch


class KeptInputs:
    """The model's inputs for batches of images, in main memory, up to a number of bytes; the first to come stay.

    Args:
        limit: bytes; 0 keeps nothing.
    """

    def __init__(self, limit: int):
        self.limit, self.size = limit, 0
        self._kept: dict[Hashable, Any] = {}

    def get(self, name: Hashable, prepare: Callable[[], Any]) -> Any:
        """Returns the inputs of the batch `name`, prepared now unless they were kept."""
        if name in self._kept:
            return self._kept[name]
        inputs = prepare()
        size = sum(value.nbytes for value in inputs.values() if isinstance(value, torch.Tensor))
        if self.size + size <= self.limit:
            self._kept[name] = inputs
            self.size += size
        return inputs
