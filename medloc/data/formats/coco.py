"""COCO's annotation file: one JSON for many images, boxes as [x, y, width, height] in px."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medloc.boxes import Box
from medloc.data.formats import Annotation, Form
from medloc.data.untrusted import BOXES, DOCUMENT, Problems, limited_bytes, limited_text

Id = int | str


def read_coco(path: Path, problems: Problems) -> list[Annotation]:
    """Read one file; an image without annotation has no object.

    Raises:
        ValueError: It is no COCO file; the message names it.
    """
    content = coco_content(path)
    names = _names(content)
    boxes: dict[Id, list[tuple[str, Box]]] = {}
    broken: set[Id] = set()
    known = {one["id"] for one in content["images"] if isinstance(one, dict) and _is_id(one.get("id"))}
    for place, one in enumerate(content["annotations"]):
        try:
            image = _id(one, "image_id")
            if image not in known:
                raise ValueError(f"image_id {image} is no image of this file.")
            if one.get("iscrowd"):
                problems.quirks["crowd regions, left out"] += 1
                continue
            category = one.get("category_id")
            of_image = boxes.setdefault(image, [])
            of_image.append((names.get(category, "") if _is_id(category) else "", _box(one.get("bbox"))))
            if len(of_image) > BOXES:
                raise ValueError(f"more than {BOXES} boxes on image {image}.")
        except ValueError as error:
            problems.error(f"{path} annotations[{place}]", error)
            if isinstance(one, dict) and _is_id(one.get("image_id")):
                broken.add(one["image_id"])
                boxes.pop(one["image_id"], None)
    return list(_images(path, content["images"], boxes, broken, problems))


def coco_content(path: Path) -> dict[str, Any]:
    """Return the content of a COCO file, with lists of images and annotations.

    Raises:
        ValueError: It is no COCO file; the message names it.
    """
    text = limited_bytes(path, DOCUMENT)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: is not JSON.") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise ValueError(f"{path}: a COCO file has images and annotations, two lists.")
    return content


def is_coco(path: Path) -> bool:
    """Tell whether a JSON file is one of COCO's."""
    try:
        coco_content(path)
    except ValueError:
        return False
    return True


def _images(
    path: Path, images: list[Any], boxes: dict[Id, list[tuple[str, Box]]], broken: set[Id], problems: Problems
) -> Iterator[Annotation]:
    seen: set[Id] = set()
    for place, one in enumerate(images):
        where = f"{path} images[{place}]"
        with problems.collected(where):
            name = _id(one, "id")
            if name in seen:
                raise ValueError(f"id {name} is that of an earlier image.")
            seen.add(name)
            file = limited_text(one.get("file_name"), "file_name")
            size = one.get("width"), one.get("height")
            known = all(isinstance(side, int) and side > 0 for side in size)
            found = tuple(boxes.get(name, ()))
            yield Annotation(file, where, found, size=size if known else None, broken=name in broken)


def _names(content: dict[str, Any]) -> dict[Id, str]:
    categories = content.get("categories")
    entries = [one for one in categories if isinstance(one, dict)] if isinstance(categories, list) else []
    return {
        one["id"]: limited_text(one["name"], "a category's name")
        for one in entries
        if _is_id(one.get("id")) and isinstance(one.get("name"), str)
    }


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _id(one: Any, key: str) -> Id:
    if not isinstance(one, dict) or not _is_id(one.get(key)):
        raise ValueError(f"must be an object with {key}, a number or text.")
    value: Id = one[key]
    return value


def _box(values: Any) -> Box:
    if not isinstance(values, list) or len(values) != 4 or not all(map(_is_number, values)):
        raise ValueError("bbox must be four numbers [x, y, width, height].")
    x, y, w, h = map(float, values)
    return Box(x, y, x + w, y + h)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 10**9 and math.isfinite(value)


FORM = Form(
    ".json",
    is_coco,
    lambda files, _, problems: (one for path in files for one in read_coco(path, problems)),
    names_images=True,
)
