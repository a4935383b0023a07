"""Boxes for images nobody has labelled: a checkpoint's folder, the question, one line of JSON an image."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from transformers.utils import logging as transformers_logging

from medloc.boxes import Box, parse_box
from medloc.data.images import open_image
from medloc.evaluation.answer import answer_images
from medloc.models.family import FAMILIES
from medloc.models.load import LoadedModel, load_model
from medloc.spec.model import ModelSettings

COLOR = (213, 94, 0)
THINNEST, PER_LINE = 2, 200  # a line of at least 2 px, and 1 px more for every 200 px of the image


def load_checkpoint(folder: Path, device: str = "auto") -> LoadedModel:
    """Loads a checkpoint, its family told by its own `config.json`.

    Args:
        folder: in save_pretrained layout.
        device: "auto" takes the GPU where there is one, "cpu" does not.

    Raises:
        ValueError: a family whose answers medloc does not read.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in FAMILIES:
        raise ValueError(f"{folder}: model_type={kind} is not known; known: {', '.join(FAMILIES)}.")
    settings = ModelSettings(folder.name, kind, str(folder), "float32", None, None, 1)
    loaded = load_model(settings)
    if device == "auto" and torch.cuda.is_available():
        loaded.model.to("cuda")
    return loaded


def predict(
    loaded: LoadedModel, images: Sequence[Path], question: str, tokens: int, out: Path | None
) -> Iterator[dict[str, Any]]:
    """Yields what the model answers to each image, one after the other.

    Args:
        loaded: the checkpoint.
        images: image files.
        question: the same for all.
        tokens: longest answer.
        out: where images are drawn with their boxes; None = nowhere.

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
            "drawn": str(_drawn(image, box, path, out)) if out else None,
        }


def _drawn(image: Image.Image, box: Box | None, path: Path, out: Path) -> Path:
    """Draws the box, its corners put in order; returns the file."""
    out.mkdir(parents=True, exist_ok=True)
    if box:
        left, right = sorted((box.x0, box.x1))
        top, bottom = sorted((box.y0, box.y1))
        width = max(THINNEST, min(image.size) // PER_LINE)
        corners = (left, top, max(left, right - 1), max(top, bottom - 1))  # half-open: the last pixel is inside
        ImageDraw.Draw(image).rectangle(corners, outline=COLOR, width=width)
    target = out / f"{path.stem}.box.png"
    image.save(target)
    return target
