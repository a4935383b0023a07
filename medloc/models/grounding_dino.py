"""GroundingDINO: loading it, what it is given, what it is taught, and which of its boxes is the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor
from transformers.image_transforms import center_to_corners_format

from medloc.boxes import Box
from medloc.models.load import NOT_THERE, TRUSTED, WEIGHTS, base_folder, model_fingerprint, not_there
from medloc.spec.model import ModelSettings

FAMILY = "grounding_dino"


@dataclass(frozen=True)
class Detector:
    """A detector ready to answer.

    Attributes:
        model: the network, in evaluation mode.
        processor: its image processor and tokenizer.
        fingerprint: 16 hex digits of the files it came from.
    """

    model: Any
    processor: Any
    fingerprint: str


def load_detector(settings: ModelSettings) -> Detector:
    """Loads model and processor from `model.path`, or from the base shipped under the model's name.

    Raises:
        ValueError: bounds on the image's area, which this family's processor does not know.
        FileNotFoundError: the weights are not there.
    """
    for key in ("min_pixels", "max_pixels"):
        if getattr(settings, key) is not None:
            raise ValueError(
                f"model.{key}={getattr(settings, key)} has no meaning with model.family={FAMILY}, whose processor's "
                "own file says the size; drop it."
            )
    source = base_folder(settings)
    try:
        processor = GroundingDinoProcessor.from_pretrained(source, **TRUSTED)
        model = GroundingDinoForObjectDetection.from_pretrained(
            source, dtype=getattr(torch, settings.dtype), **TRUSTED, **WEIGHTS
        )
    except NOT_THERE as error:
        raise not_there("model.path", source, error) from error
    return Detector(model.eval(), processor, model_fingerprint(source, model.config))


def detector_inputs(processor: Any, images: Sequence[Image.Image], phrase: str) -> Any:
    """Returns the model's inputs: every image with the same phrase, written as in GroundingDINO ("skin lesion.").

    One phrase for the whole batch, because the loss of transformers 5.23 takes the second row's phrase for that of
    every row but the first (`GroundingDinoImageLoss._get_target_classes_one_hot`).
    """
    return processor(images=list(images), text=[[phrase]] * len(images), return_tensors="pt")


def detector_target(box: Box, width: int, height: int) -> dict[str, torch.Tensor]:
    """Returns the training target of one image: the one phrase, and (cx, cy, w, h) as fractions of the image."""
    centre = [(box.x0 + box.x1) / 2 / width, (box.y0 + box.y1) / 2 / height]
    extent = [box.width / width, box.height / height]
    return {"class_labels": torch.tensor([0]), "boxes": torch.tensor([centre + extent], dtype=torch.float32)}


@torch.inference_mode()
def best_boxes(model: Any, inputs: Any, sizes: Sequence[tuple[int, int]]) -> list[Box]:
    """Returns the highest-scoring box of each image, cut at its border.

    A box's score is the largest probability it gives to a token of the phrase, as in the processor's post-processing.

    Args:
        model: a GroundingDINO in evaluation mode.
        inputs: what `detector_inputs` returned.
        sizes: width and height of each original image, in px.
    """
    outputs = model(**inputs.to(model.device))
    best = outputs.logits.max(-1).values.argmax(-1)  # (images,): one query each
    chosen = outputs.pred_boxes[torch.arange(len(best)), best]
    corners = center_to_corners_format(chosen).clamp(0, 1).tolist()
    return [
        Box(x0 * width, y0 * height, x1 * width, y1 * height)
        for (x0, y0, x1, y1), (width, height) in zip(corners, sizes, strict=True)
    ]
