"""The order of the images depends on seed and epoch alone, so that a resumed run goes on where it stopped.

TRL's sampler draws each epoch's order from a generator of the process: a run resumed in its second epoch would see
the first epoch's order again.
"""

from collections.abc import Iterator
from typing import Any

from transformers import TrainerCallback
from trl.trainer.utils import RepeatSampler

EPOCH_STRIDE = 1_000_003  # keeps the second epoch of seed 42 apart from the first of seed 43


class EpochSampler(RepeatSampler):
    """TRL's RepeatSampler, its order drawn anew from (seed, epoch) at the start of each epoch."""

    epoch = 0

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed(self.seed + EPOCH_STRIDE * self.epoch)
        return super().__iter__()


class _SetEpoch(TrainerCallback):
    def __init__(self, sampler: EpochSampler):
        self.sampler = sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.sampler.epoch = int(state.epoch + 1e-6)


class EpochOrder:
    """Mix-in for a GRPOTrainer: the training sampler is an `EpochSampler` that knows its epoch."""

    def _get_train_sampler(self, dataset: Any = None) -> EpochSampler:
        sampler = super()._get_train_sampler(dataset)  # type: ignore[misc]
        sampler.__class__ = EpochSampler
        self.add_callback(_SetEpoch(sampler))  # type: ignore[attr-defined]
        return sampler


class SameOrder:
    """Mix-in for any other Trainer: every image once an epoch, in the order of GRPO with that seed."""

    def _get_train_sampler(self, dataset: Any = None) -> EpochSampler:
        arguments = self.args  # type: ignore[attr-defined]
        per_rank = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps
        per_step = per_rank * arguments.world_size
        images = self.train_dataset if dataset is None else dataset  # type: ignore[attr-defined]
        sampler = EpochSampler(images, mini_repeat_count=1, batch_size=per_step, shuffle=True, seed=arguments.seed)
        self.add_callback(_SetEpoch(sampler))  # type: ignore[attr-defined]
        return sampler
