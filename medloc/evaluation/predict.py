"""Boxes for unlabelled images: load a checkpoint, ask a question, return one JSON object an image."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from transformers.utils import logging as transformers_logging

from medloc.boxes import Box, parse_box
from medloc.data.images import open_image
from medloc.evaluation.answer import answer_images
from medloc.models.base import LoadedModel
from medloc.models.families import vision_language_families
from medloc.models.load import load_model, resolve_device
from medloc.spec.model import ModelSettings

COLOR = (213, 94, 0)
LEAST_WIDTH, PX_PER_WIDTH = 2, 200  # lines are 1 px wide for every 200 px of the image, and at least 2 px


def load_checkpoint(folder: Path, device: str = "auto", bf16: bool = False) -> LoadedModel:
    """Load a checkpoint; its own `config.json` names the family.

    Args:
        folder: in save_pretrained layout.
        device: "auto" takes the GPU where there is one, "cpu" does not.
        bf16: whether it answers under bfloat16 autocast, as a run with `train.bf16=true` trained it.

    Raises:
        ValueError: a family whose answers medloc cannot read.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    families = vision_language_families()
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in families:
        raise ValueError(f"{folder}: model_type={kind} is not known; known: {', '.join(families)}.")
    settings = ModelSettings(folder.name, kind, str(folder), "float32", None, None, 1)
    return replace(load_model(settings, resolve_device(device)), bf16=bf16)


def predict(
    loaded: LoadedModel, images: Sequence[Path], question: str, tokens: int, out: Path | None
) -> Iterator[dict[str, Any]]:
    """Yield the model's answer to each image, one after the other.

    Args:
        loaded: the checkpoint.
        images: image files.
        question: the same for all.
        tokens: longest answer.
        out: folder for images with their boxes drawn; None draws none.

    Yields:
        image, width, height (px), box (half-open xyxy in px, null where there is none), failure, text, drawn.

    Raises:
        ValueError: a file does not open as an image; the message names it.
    """
    for path in images:
        image = open_image(path)
        (text,) = answer_images(loaded, [image], question, max_new_tokens=tokens)
        parsed = parse_box(text)
        box = loaded.grid(*image.size).to_original(parsed, *image.size) if isinstance(parsed, Box) else None
        yield {
            "image": str(path),
            "width": image.width,
            "height": image.height,
            "box": [round(value, 2) for value in box.as_list()] if box else None,
            "failure": None if isinstance(parsed, Box) else parsed.reason,
            "text": text,
            "drawn": str(_draw(image, box, path, out)) if out else None,
        }


def _draw(image: Image.Image, box: Box | None, path: Path, out: Path) -> Path:
    """Draw the box, its corners put in order; return the file."""
    out.mkdir(parents=True, exist_ok=True)
    if box:
        left, right = sorted((box.x0, box.x1))
        top, bottom = sorted((box.y0, box.y1))
        width = max(LEAST_WIDTH, min(image.size) // PX_PER_WIDTH)
        corners = (left, top, max(left, right - 1), max(top, bottom - 1))  # half-open: the last pixel is inside
        ImageDraw.Draw(image).rectangle(corners, outline=COLOR, width=width)
    target = out / f"{path.stem}.box.png"
    image.save(target)
    return target
