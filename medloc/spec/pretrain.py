"""Schema of `conf/pretrain/`."""

from dataclasses import dataclass

from medloc.spec.fields import setting


@dataclass
class PretrainSettings:
    """How a tiny base is made; keys are explained in `conf/pretrain/`."""

    model: str = setting(affects="results")
    steps: int = setting(affects="results", at_least=1)
    batch_size: int = setting(affects="results", at_least=1)
    learning_rate: float = setting(affects="results", above=0)
    warmup_steps: int = setting(affects="results", at_least=0)
    weight_decay: float = setting(affects="results", at_least=0)
    step: int | None = setting(affects="results", at_least=1)
    stored_as: str = setting(affects="results", one_of=("float32", "bfloat16", "float16"))
    seed: int = setting(affects="results", at_least=0, below=2**32)
    save_steps: int = setting(affects="reporting", at_least=1)
    workers: int = setting(affects="speed", at_least=0)
    threads: int | None = setting(affects="speed", at_least=1, remedy="null uses all cores")
    work: str = setting(affects="place")
    out: str = setting(affects="place")
