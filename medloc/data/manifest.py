"""The manifest: one JSON line for the data set, then one per image. Its schema, reading, writing and export.

docs/formats.md describes it for people who write their own.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from medloc.boxes import Box
from medloc.data.example import Coding
from medloc.data.files import BOXES, FIELD, LINE, Problems, inside, limited_lines, parse_json, progress, require_folder
from medloc.data.formats import checked_box
from medloc.data.images import image_size
from medloc.runs.atomic import atomic_writer

VERSION = 1
PARTS = ("train", "validation", "test")
NUMBERED = re.compile(r"#\d+$")  # how the boxes of one image are told apart where each is an example
STRICT = ConfigDict(extra="forbid", strict=True)
EXPORTS = ("coco", "vlm_r1")


def _box(values: Any) -> Box:
    numbers = values if isinstance(values, list) and len(values) == 4 else [None]
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ValueError("a box must be four numbers [xmin, ymin, xmax, ymax].")
    try:
        return Box(*map(float, numbers))
    except OverflowError:
        return Box(*[math.inf] * 4)


def _part(name: str | None) -> str | None:
    if name not in (None, *PARTS):
        raise ValueError(f"{name!r:.80} is not known; use one of {', '.join(PARTS)}, or null.")
    return name


Text = Annotated[str, Field(max_length=FIELD)]
Filled = Annotated[str, Field(max_length=FIELD, pattern=r"\S")]
Word = Annotated[Text, BeforeValidator(lambda value: "" if value is None else value)]
Px = Annotated[int, Field(ge=1, lt=10**9)]
Boxes = Annotated[tuple[Annotated[Box, BeforeValidator(_box)], ...], Field(max_length=BOXES)]


@dataclass(frozen=True)
class Header:
    """What holds for every image.

    Attributes:
        name: Short name of the data set.
        target: What is looked for, as in "the box of the {target}".
        prompt: The question put to a model; None is made from the target.
        origin: "phantom" for drawn images, otherwise a word on where the images come from, such as "real".
        root: The data folder, absolute or relative to the manifest; every path is relative to it.
        foreground: What is foreground in its masks, where that is not white or 1 (`Coding`).
        invert: Whether that is the background.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Filled
    target: Filled
    prompt: Filled | None = None
    origin: Filled = "real"
    root: Filled = "."
    foreground: Word = ""
    invert: bool = False


@dataclass(frozen=True, kw_only=True)
class _FirstLine(Header):
    medloc_manifest: Annotated[int, Field(ge=VERSION, le=VERSION)]


@dataclass(frozen=True)
class ManifestRow:
    """One image.

    Attributes:
        id: Unique in the manifest.
        image: Path of the file below the data folder, with forward slashes.
        width: Width in px, as stored: no EXIF rotation.
        height: Height in px.
        boxes: Half-open, in px, inside the image; none where the target is not to be seen.
        areas: Foreground px of each box's component, where the boxes come from masks; None otherwise.
        label: Class of the image, "" where unknown.
        group: Lesion or patient; the id where unknown.
        split: One of `PARTS`; None where training is to divide the images.
        masks: Paths of the mask files below the data folder.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    id: Filled
    image: Filled
    width: Px
    height: Px
    boxes: Boxes
    areas: Annotated[tuple[Annotated[int, Field(ge=1, lt=10**18)], ...], Field(max_length=BOXES)] | None = None
    label: Word = ""
    group: Word = ""
    split: Annotated[str | None, AfterValidator(_part)] = None
    masks: Annotated[tuple[Text, ...], Field(max_length=BOXES, strict=False), BeforeValidator(lambda v: v or ())] = ()


@dataclass(frozen=True)
class Manifest:
    """A manifest as read or to be written.

    Attributes:
        header: What holds for every image.
        rows: The images, in the order of the file.
        lines: The line of each row.
    """

    header: Header
    rows: tuple[ManifestRow, ...]
    lines: tuple[int, ...] = field(default=(), compare=False)


def read_header(path: Path) -> Header:
    """Read the first line.

    Raises:
        ValueError: The file is no manifest; the message names it.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such manifest; `python -m medloc.data prepare FOLDER` writes one.")
    line = next((line for _, line in limited_lines(path)), b"")
    try:
        first = vars(_parsed(_FirstLine, line))
        if "\0" in first["root"]:
            raise ValueError("root is no path.")
        Coding(first["foreground"])
    except ValueError as error:
        raise ValueError(f"{path} line 1: {error}") from None
    return Header(**{key: value for key, value in first.items() if key != "medloc_manifest"})


def read_manifest(path: Path, problems: Problems) -> Manifest:
    """Read a manifest; rows that cannot be used are errors in `problems`, named by their lines, and left out.

    Raises:
        ValueError: The header cannot be used; the message names the file.
    """
    header, rows, lines = read_header(path), [], []
    seen: dict[tuple[str, str], int] = {}
    for number, line in limited_lines(path):
        if number == 1 or (line is not None and not line.strip()):
            continue
        with problems.collected(f"{path} line {number}"):
            row = checked_row(line)
            _note(seen, "id", row.id, number)
            _note(seen, "image", row.image, number)
            rows.append(row)
            lines.append(number)
    if any(row.split for row in rows):
        for row, number in zip(rows, lines, strict=True):
            if row.split is None:
                problems.error(f"{path} line {number}", "no split where other rows have one; give all or none.")
    return Manifest(header, tuple(rows), tuple(lines))


def checked_row(line: bytes | None) -> ManifestRow:
    """Return one line as a row; None stands for a line that is too long.

    Raises:
        ValueError: Names the field and the rule.
    """
    row = _parsed(ManifestRow, line)
    if NUMBERED.search(row.id):
        raise ValueError(f"id {row.id} ends like the number of a box (dataset.boxes=all); give it another.")
    if row.areas is not None and len(row.areas) != len(row.boxes):
        raise ValueError(f"{len(row.areas)} areas for {len(row.boxes)} boxes.")
    boxes = tuple(checked_box(box, row.width, row.height) for box in row.boxes)
    return replace(row, boxes=boxes, group=row.group or row.id)


def _parsed(kind: type[Any], line: bytes | None) -> Any:
    if line is None:
        raise ValueError(f"has more than {LINE} bytes.")
    return parse_json(kind, line.removeprefix(codecs.BOM_UTF8))


def _note(seen: dict[tuple[str, str], int], key: str, value: str, number: int) -> None:
    first = seen.setdefault((key, value), number)
    if first != number:
        remedy = "give one row with all its boxes" if key == "image" else "ids must differ"
        raise ValueError(f"{key} {value} is that of line {first} already; {remedy}.")


def data_folder(manifest: Path, header: Header, given: str | None = None) -> Path:
    """Return the folder that the paths of a manifest are relative to, resolved: the given one or the header's.

    Raises:
        FileNotFoundError: There is no such folder; the message names the key.
    """
    root = Path(given).expanduser() if given else manifest.parent / header.root
    key = f"dataset.root={given}" if given else f"{manifest} line 1: root {header.root}"
    message = f"{key} is not a folder; dataset.root=FOLDER says where the images are now."
    return require_folder(root, message).resolve()


def check_files(path: Path, manifest: Manifest, root: Path, problems: Problems) -> Manifest:
    """Return the manifest without the rows whose image is not below the data folder, does not open or has another size.

    Args:
        path: The manifest's file, for errors.
        manifest: As read.
        root: The data folder, resolved.
        problems: Takes an error for every such row.
    """
    good = []
    rows = progress(manifest.rows, "reading images")
    for number, row in zip(manifest.lines, rows, strict=True):
        with problems.collected(f"{path} line {number}"):
            size = image_size(inside(root, row.image))
            if size != (row.width, row.height):
                raise ValueError(
                    f"{row.image} has {size[0]}x{size[1]} px, the manifest says {row.width}x{row.height}; prepare it "
                    "again."
                )
            for mask in row.masks:
                inside(root, mask)
            good.append((number, row))
    return Manifest(manifest.header, tuple(row for _, row in good), tuple(number for number, _ in good))


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all."""
    with atomic_writer(path) as file:
        said = {key: value for key, value in vars(manifest.header).items() if value or key == "prompt"}
        file.write(_line({"medloc_manifest": VERSION, **said}))
        file.writelines(map(written, manifest.rows))


def written(row: ManifestRow) -> str:
    """Return the line of a row, without what it does not have, so that a manifest stays easy to read."""
    content = {**vars(row), "boxes": [list(map(_short, box.as_list())) for box in row.boxes]}
    return _line({key: value for key, value in content.items() if value or key == "boxes"})


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _short(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def export(manifest: Manifest, form: str, path: Path, question: str, inclusive: bool = False) -> int:
    """Write a manifest in the form of another tool and return how many images were left out.

    Args:
        manifest: What to write.
        form: "coco": one JSON; images without a target are in it. "vlm_r1": one JSON line per image with a target; its
            answer is `[xmin, ymin, xmax, ymax]`, or a JSON list of `{"bbox_2d": ..., "label": ...}` for several boxes.
        path: The file to write, whole or not at all.
        question: The prompt, for "vlm_r1".
        inclusive: Whether the max corner is the last pixel inside, for "vlm_r1"; COCO's boxes have a width.
    """
    targets = [row for row in manifest.rows if row.boxes]
    with atomic_writer(path) as file:
        if form == "coco":
            file.write(json.dumps(_coco(manifest)) + "\n")
            return 0
        file.writelines(map(_line, _vlm_r1(targets, manifest.header.target, question, inclusive)))
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
        boxes = [
            [_short(float(value)) for value in (box.x0, box.y0, box.x1 - inclusive, box.y1 - inclusive)]
            for box in row.boxes
        ]
        several = json.dumps([{"bbox_2d": box, "label": target} for box in boxes], ensure_ascii=False)
        answer = json.dumps(boxes[0]) if len(boxes) == 1 else several
        turns = [{"from": "human", "value": f"<image>{question}"}, {"from": "gpt", "value": answer}]
        yield {"id": number, "image": row.image, "conversations": turns}
