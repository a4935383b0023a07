"""A model setting becomes a model, its processor and its grid."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HFValidationError

from medloc.models.family import FAMILIES, AnswerGrid
from medloc.spec.model import ModelSettings

BASES = Path(__file__).parent / "bases"
TRUSTED: dict[str, Any] = {"trust_remote_code": False}  # code that lies beside weights is never run
WEIGHTS: dict[str, Any] = {"use_safetensors": True}  # never a pickle
NOT_THERE = (OSError, HFValidationError)  # what from_pretrained raises; the second where the text is no hub id either


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to answer.

    Attributes:
        model: the policy, in evaluation mode.
        processor: its processor.
        grid: maps an image's (width, height) in pixels to the grid on which it is answered.
        fingerprint: 16 hex digits of the files it came from.
    """

    model: Any
    processor: Any
    grid: Callable[[int, int], AnswerGrid]
    fingerprint: str


def base_folder(settings: ModelSettings) -> str:
    """Returns the folder or hub id of the weights: `model.path`, or the base shipped under the model's name.

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


def load_model(settings: ModelSettings) -> LoadedModel:
    """Loads model and processor.

    Raises:
        ValueError: unknown family.
        FileNotFoundError: the weights are not there.
    """
    if settings.family not in FAMILIES:
        raise ValueError(f"model.family={settings.family} is unknown; known: {', '.join(FAMILIES)}.")
    family = FAMILIES[settings.family]
    source = base_folder(settings)
    try:
        processor = family.processor.from_pretrained(source, **TRUSTED)
        model = family.model.from_pretrained(source, dtype=getattr(torch, settings.dtype), **_how(settings))
    except NOT_THERE as error:
        raise not_there("model.path", source, error) from error
    if settings.published and settings.freeze_vision:
        vision_tower(model).requires_grad_(False)
    family.bound(processor.image_processor, settings.min_pixels, settings.max_pixels)
    return LoadedModel(
        model=model.eval(),
        processor=processor,
        grid=lambda width, height: family.grid(processor.image_processor, width, height, settings.answer_step),
        fingerprint=model_fingerprint(source, model.config),
    )


def _how(settings: ModelSettings) -> dict[str, Any]:
    attention = settings.attention if settings.published else None
    return {**TRUSTED, **WEIGHTS, **({"attn_implementation": attention} if attention else {})}


def vision_tower(model: Any) -> Any:
    """Returns the part of a vision-language model that sees."""
    return model.model.visual if hasattr(model.model, "visual") else model.model.vision_tower


def not_there(key: str, source: str, error: Exception) -> FileNotFoundError:
    """Returns the one-line error for a `source` of weights, given by the setting `key`, that could not be loaded."""
    if isinstance(error, HFValidationError) or (isinstance(error.__cause__, HFValidationError)):
        return FileNotFoundError(f"{key}={source} is not a folder; give one in save_pretrained layout, or a hub id.")
    return FileNotFoundError(f"{key}={source}: {str(error).splitlines()[0]}")


def save_base(model: Any, processor: Any, folder: Path, weights: dict[str, Any] | None = None) -> None:
    """Saves model and processor in the ordinary layout, with the cache of keys and values on.

    Trainers switch it off in the configuration, and whoever loads a model saved so answers slowly. `weights` are given
    where the model itself holds only a part of them.
    """
    model.config.get_text_config().use_cache = True
    processor.tokenizer.backend_tokenizer.no_padding()  # else its file tells how the last batch was padded
    processor.tokenizer.backend_tokenizer.no_truncation()
    model.save_pretrained(folder, state_dict=weights)
    processor.save_pretrained(folder)


def model_fingerprint(source: str, config: Any) -> str:
    """Returns 16 hex digits over a local folder's configuration, tokenizer and weights, or over a hub commit."""
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
