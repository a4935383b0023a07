"""Schema of `conf/pretrain/`."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class PretrainSettings:
    """How a tiny base is made; keys are explained in `conf/pretrain/`."""

    model: str = MISSING
    steps: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    warmup_steps: int = MISSING
    weight_decay: float = MISSING
    step: int | None = MISSING
    stored_as: str = MISSING
    seed: int = MISSING
    save_steps: int = MISSING
    workers: int = MISSING
    threads: int | None = MISSING
    work: str = MISSING
    out: str = MISSING
