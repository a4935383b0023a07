"""vLLM as the sampler of completions, through TRL; it is imported only where it is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from medloc.spec.run import RunSpec

SEEDS_APART = 1000
"""Seeds of two runs whose seeds differ by one lie so far apart: more than there are processes."""


def rollout_arguments(settings: RunSpec) -> dict[str, Any]:
    """Returns what `GRPOConfig` needs for `rollout`; nothing for transformers' generate."""
    rollout = settings.rollout
    if rollout.mode is None:
        return {}
    return {
        "use_vllm": True,
        "vllm_mode": rollout.mode,
        "vllm_gpu_memory_utilization": rollout.gpu_memory,
        "vllm_tensor_parallel_size": rollout.tensor_parallel,
        "vllm_enable_sleep_mode": rollout.sleep,
        "vllm_server_base_url": rollout.server,
        "vllm_importance_sampling_correction": rollout.importance_correction,
        "vllm_importance_sampling_mode": "sequence_mask",
        "vllm_importance_sampling_clip_max": rollout.importance_clip,
    }


@contextmanager
def own_engine(settings: RunSpec) -> Iterator[None]:
    """Has TRL, while its trainer is made, build vLLM's engine by `engine_like`; nothing without vLLM on these GPUs."""
    rollout = settings.rollout
    if rollout.mode is None or rollout.mode != "colocate":
        yield
        return
    from trl.generation import vllm_generation as module

    plain = module.LLM
    module.LLM = engine_like(plain, settings)
    try:
        yield
    finally:
        module.LLM = plain


def engine_like(engine: Callable[..., Any], settings: RunSpec) -> Callable[..., Any]:
    """Returns `engine`, told what TRL does not tell it.

    TRL seeds it with the number of the process alone, so that runs of other seeds would sample alike; and vLLM resizes
    images by the checkpoint's own bounds, where the run's may be narrower.
    """
    model = settings.model
    bounds = {"min_pixels": model.min_pixels, "max_pixels": model.max_pixels}
    images = {key: value for key, value in bounds.items() if value is not None}

    def built(*args: Any, seed: int = 0, **kwargs: Any) -> Any:
        if images:
            kwargs["mm_processor_kwargs"] = images
        return engine(*args, seed=SEEDS_APART * settings.seed + seed, **kwargs)

    return built
