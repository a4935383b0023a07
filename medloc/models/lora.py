"""Adapters (LoRA) in the language model's linear layers, by peft; it is imported only where they are asked for."""

from typing import Any

from medloc.spec.model import ModelSettings, adapters


def lora_config(model: ModelSettings) -> Any:
    """Returns peft's configuration for trl's trainers; None where the weights themselves are trained.

    Qwen's vision tower has layers of the same names; only those below `language_model` get an adapter.
    """
    lora = adapters(model)
    if lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=rf".*language_model\..*\.({'|'.join(lora.targets)})",
        bias="none",
        task_type="CAUSAL_LM",
    )


def merged(model: Any) -> Any:
    """Returns a trained model with its adapters added into the weights, in the class it had without them."""
    return model.merge_and_unload() if hasattr(model, "peft_config") else model
