"""GroundingDINO: loading it, its inputs and targets, and the box it answers with."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor
from transformers.image_transforms import center_to_corners_format

from medloc.boxes import AnswerGrid, Box
from medloc.models.base import Family, LoadedModel, base_folder, load_part, load_weights, model_fingerprint
from medloc.spec.model import ModelSettings


class GroundingDinoFamily(Family):
    """A detector that looks for a phrase and answers in pixels of the original image."""

    trainers = ("grounding_dino",)
    example = "grounding_dino_tiny"

    def load(self, settings: ModelSettings, seed: int) -> LoadedModel:
        """Return model and processor; the family knows no bounds on the image area and no `seed`."""
        for key in ("min_pixels", "max_pixels"):
            if getattr(settings, key) is not None:
                raise ValueError(
                    f"model.{key}={getattr(settings, key)} has no meaning with model.family={settings.family}, whose "
                    "processor's own file gives the image size; drop it."
                )
        source = base_folder(settings)
        model = load_weights(GroundingDinoForObjectDetection, source, dtype=getattr(torch, settings.dtype))
        return LoadedModel(
            model.eval(),
            load_part(GroundingDinoProcessor, source),
            lambda width, height: AnswerGrid("pixels", width, height),
            model_fingerprint(source, model.config),
        )


def detector_inputs(processor: Any, images: Sequence[Image.Image], phrase: str) -> Any:
    """Return the model's inputs: every image with the same phrase, written as in GroundingDINO ("skin lesion.").

    A batch has one phrase, because the loss of transformers 5.23 uses the second row's phrase for all rows but the
    first (`GroundingDinoImageLoss._get_target_classes_one_hot`).
    """
    return processor(images=list(images), text=[[phrase]] * len(images), return_tensors="pt")


def detector_target(box: Box, width: int, height: int) -> dict[str, torch.Tensor]:
    """Return the training target of one image: the one phrase, and (cx, cy, w, h) as fractions of the image."""
    centre = [(box.x0 + box.x1) / 2 / width, (box.y0 + box.y1) / 2 / height]
    extent = [box.width / width, box.height / height]
    return {"class_labels": torch.tensor([0]), "boxes": torch.tensor([centre + extent], dtype=torch.float32)}


@torch.inference_mode()
def best_boxes(model: Any, inputs: Any, sizes: Sequence[tuple[int, int]]) -> list[Box]:
    """Return the highest-scoring box of each image, clipped to its border.

    A box's score is the largest probability it gives to a token of the phrase, as in the processor's post-processing.

    Args:
        model: a GroundingDINO in evaluation mode.
        inputs: returned by `detector_inputs`, on any device.
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
