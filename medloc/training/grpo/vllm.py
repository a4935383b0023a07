"""vLLM as the sampler of completions, through TRL; it is imported only if `rollout` is vLLM."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from medloc.spec.run import RunSpec
from medloc.training.grpo.hooks import moved

SEEDS_APART = 1000
"""Distance of the engine seeds of two runs whose seeds differ by one; more than there are processes."""


def rollout_arguments(settings: RunSpec) -> dict[str, Any]:
    """Return what `GRPOConfig` needs for `rollout`; nothing for transformers' generate."""
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
    """While TRL's trainer is made, have it build a colocated vLLM engine by `engine_like`."""
    rollout = settings.rollout
    if rollout.mode is None or rollout.mode != "colocate":
        yield
        return
    from trl.generation import vllm_generation as module

    plain = getattr(module, "LLM", None)
    if plain is None:
        raise moved("trl.generation.vllm_generation has no LLM")
    module.LLM = engine_like(plain, settings)
    try:
        yield
    finally:
        module.LLM = plain


def engine_like(engine: Callable[..., Any], settings: RunSpec) -> Callable[..., Any]:
    """Return `engine` with a seed that depends on the run's, and with the run's bounds on the size of an image.

    TRL seeds the engine with the number of the process only, so that runs of other seeds would sample alike. vLLM
    resizes images by the checkpoint's own bounds, which may be wider than the run's.
    """
    model = settings.model
    bounds = {"min_pixels": model.min_pixels, "max_pixels": model.max_pixels}
    images = {key: value for key, value in bounds.items() if value is not None}

    def built(*args: Any, seed: int = 0, **kwargs: Any) -> Any:
        if images:
            kwargs["mm_processor_kwargs"] = images
        return engine(*args, seed=SEEDS_APART * settings.seed + seed, **kwargs)

    return built
