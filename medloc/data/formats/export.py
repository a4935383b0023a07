"""A manifest in the forms of other tools: COCO's annotation file, and the lines that VLM-R1 trains on."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medloc.boxes import Box
from medloc.data.manifests.manifest import Manifest, ManifestRow
from medloc.runs.atomic import atomic_writer

FORMS = ("coco", "vlm_r1")


def export(manifest: Manifest, form: str, path: Path, question: str, inclusive: bool = False) -> int:
    """Write a manifest in one of `FORMS` and return how many images were left out.

    Args:
        manifest: What to write.
        form: "coco": one JSON, images without a target are in it. "vlm_r1": one JSON line an image with a target; its
            answer is `[xmin, ymin, xmax, ymax]`, or a JSON list of `{"bbox_2d": ..., "label": ...}` for several boxes.
        path: The file to write, whole or not at all.
        question: The prompt, for "vlm_r1".
        inclusive: Whether the max corner is the last pixel inside, for "vlm_r1"; COCO's boxes have a width.
    """
    with atomic_writer(path) as file:
        if form == "coco":
            file.write(json.dumps(_coco(manifest)) + "\n")
            return 0
        targets = [row for row in manifest.rows if row.boxes]
        for line in _vlm_r1(targets, manifest.header.target, question, inclusive):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return len(manifest.rows) - len(targets)


def _coco(manifest: Manifest) -> dict[str, Any]:
    images = [
        {"id": number, "file_name": row.image, "width": row.width, "height": row.height}
        for number, row in enumerate(manifest.rows, start=1)
    ]
    placed = [(number, box) for number, row in enumerate(manifest.rows, start=1) for box in row.boxes]
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": 1,
            "bbox": [box.x0, box.y0, box.width, box.height],
            "area": box.area,
            "iscrowd": 0,
        }
        for number, (image, box) in enumerate(placed, start=1)
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": manifest.header.target}]}


def _vlm_r1(rows: Sequence[ManifestRow], target: str, question: str, inclusive: bool) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows, start=1):
        boxes = [_corners(box, inclusive) for box in row.boxes]
        several = json.dumps([{"bbox_2d": box, "label": target} for box in boxes], ensure_ascii=False)
        answer = json.dumps(boxes[0]) if len(boxes) == 1 else several
        said = [{"from": "human", "value": f"<image>{question}"}, {"from": "gpt", "value": answer}]
        yield {"id": number, "image": row.image, "conversations": said}


def _corners(box: Box, inclusive: bool) -> list[float]:
    corners = [box.x0, box.y0, box.x1 - inclusive, box.y1 - inclusive]
    return [int(value) if value.is_integer() else value for value in map(float, corners)]
