"""What all model families share: the interface of a family, a loaded model, and the files that weights come from.

Needs no torch.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from huggingface_hub.errors import HFValidationError

from medloc.boxes import AnswerGrid
from medloc.spec.model import ModelSettings

BASES = Path(__file__).parent / "bases"
"""Folder of the tiny bases that are shipped."""

GridOf = Callable[[int, int], AnswerGrid]
"""Maps the (width, height) of an image, in px, to the grid on which it is answered."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to answer.

    Attributes:
        model: the network, in evaluation mode.
        processor: its processor; None where it has none.
        grid: maps an image's (width, height) in px to the grid on which it is answered.
        fingerprint: 16 hex digits of the files it came from.
        bf16: whether it answers under bfloat16 autocast, as a run with `train.bf16=true` trains it.
    """

    model: Any
    processor: Any
    grid: GridOf
    fingerprint: str
    bf16: bool = False


class Family:
    """A kind of model: how it is loaded, and what can be done with it. `medloc.models.families` lists them.

    Attributes:
        trainers: the values of `method.trainer` that can train it.
        answers_untrained: whether its answers before training mean anything.
        example: a model of this family, for error messages.
    """

    trainers: ClassVar[tuple[str, ...]]
    answers_untrained: ClassVar[bool] = True
    example: ClassVar[str]

    def load(self, settings: ModelSettings, seed: int) -> LoadedModel:
        """Return the model on the CPU; `seed` draws weights that come from no file. Errors are `load_model`'s."""
        raise NotImplementedError


def base_folder(settings: ModelSettings) -> str:
    """Return the folder or hub id of the weights: `model.path`, or the base shipped under the model's name.

    Raises:
        FileNotFoundError: there is no such shipped base.
    """
    if settings.path is not None:
        return settings.path
    folder = BASES / settings.name
    if settings.published:
        raise FileNotFoundError(
            f"model.path=null: model={settings.name} has no checkpoint that transformers loads; give the folder of a "
            "converted one (conf/model says how)."
        )
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"model.path=null: no base is shipped for model={settings.name}; give a folder, or make one with "
            f"`python -m medloc.pretrain model={settings.name}`."
        )
    return str(folder)


def load_part(kind: Any, source: str, key: str = "model.path", **arguments: Any) -> Any:
    """Return `kind.from_pretrained(source)`: a processor or a configuration; code that lies beside it is never run.

    Args:
        kind: a class of transformers.
        source: folder or hub id.
        key: the setting that names `source`, for the error message.
        **arguments: further arguments of `from_pretrained`.

    Raises:
        FileNotFoundError: it is not there; one line.
    """
    try:
        return kind.from_pretrained(source, trust_remote_code=False, **arguments)
    except (OSError, HFValidationError) as error:  # the second where the text cannot be a hub id
        if isinstance(error, HFValidationError) or isinstance(error.__cause__, HFValidationError):
            rule = " is not a folder; give one in save_pretrained layout, or a hub id."
        else:
            rule = f": {str(error).splitlines()[0]}"
        raise FileNotFoundError(f"{key}={source}{rule}") from error


def load_weights(kind: Any, source: str, key: str = "model.path", **arguments: Any) -> Any:
    """Return a model as `load_part` does, from safetensors only: a pickle is never opened."""
    return load_part(kind, source, key, use_safetensors=True, **arguments)


def save_base(model: Any, processor: Any, folder: Path, weights: dict[str, Any] | None = None) -> None:
    """Save model and processor in the ordinary layout, with the cache of keys and values on: trainers switch it off.

    `weights` are the whole weights, where the model holds only a shard of them.
    """
    model.config.get_text_config().use_cache = True
    processor.tokenizer.backend_tokenizer.no_padding()  # otherwise the file depends on the last batch's padding
    processor.tokenizer.backend_tokenizer.no_truncation()
    model.save_pretrained(folder, state_dict=weights)
    processor.save_pretrained(folder)


def model_fingerprint(source: str, config: Any) -> str:
    """Return 16 hex digits over a local folder's configuration, tokenizer and weights, or over a hub commit."""
    digest = hashlib.sha256()
    if not Path(source).is_dir():
        digest.update(f"{source}@{config._commit_hash}".encode())
        return digest.hexdigest()[:16]
    for path in sorted(Path(source).iterdir()):
        if path.suffix in {".json", ".safetensors", ".jinja"}:
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
