"""Files that somebody else wrote, with anything in them: an error that names the file or a counted skip, no more."""

import contextlib
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from medloc.boxes import Box
from medloc.data.files import BOXES, PIXELS, Problems, inside
from medloc.data.formats.labels import class_names, read_voc, read_yolo
from medloc.data.formats.masks import read_mask
from medloc.data.formats.tables import read_box_table, read_coco, read_rows
from medloc.data.images import image_size, open_image
from medloc.data.manifest import read_manifest, write_manifest
from medloc.data.prepare import Wishes, prepare, statement
from medloc.data.rows import Source
from tests.data.helpers import read_ham10000, save_image, save_mask

SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -1, 0, 1e308, True, None, "1", "", [], {}, 2**63, "\0", "1e999", "0x10", "١"]),
)
VALUES = st.recursive(NUMBERS | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4), max_leaves=4)
WORDS = st.one_of(
    st.text(max_size=6), st.floats().map(str), st.integers().map(str), st.sampled_from(["nan", "0.5", '"'])
)


def spoilt(text: bytes) -> st.SearchStrategy[bytes]:
    """A good file, cut, doubled or with bytes put in anywhere."""
    cut = st.integers(0, len(text))
    return st.tuples(cut, st.binary(max_size=12), cut).map(lambda t: text[: t[0]] + t[1] + text[t[2] :])


def survives(tmp_path, name, content, read):
    """Read a hostile file; what comes out is a result, or errors that name it."""
    path = tmp_path / name
    path.write_bytes(content)
    problems, found = Problems(), None
    with problems.collected():
        found = read(path, problems)
    assert all(name in line for line in problems.errors)
    return found


def good_manifest():
    head = {"medloc_manifest": 1, "name": "own", "target": "nodule"}
    row = {"id": "a", "image": "a.png", "width": 40, "height": 30, "boxes": [[1, 2, 20, 30]], "split": "test"}
    return "\n".join(map(json.dumps, (head, row))).encode()


GOOD_VOC = (
    b"<annotation><size><width>40</width><height>30</height></size><object><name>a</name><bndbox><xmin>1</xmin>"
    b"<ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>"
)
GOOD_COCO = b'{"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "bbox": [0, 0, 5, 5]}]}'


def boxes_are_boxes(boxes):
    assert len(boxes) <= BOXES
    assert all(isinstance(box, Box) and all(isinstance(v, float) for v in box.as_list()) for box in boxes)


@SETTINGS
@given(spoilt(good_manifest()) | st.binary(max_size=200))
def test_any_bytes_for_a_manifest(tmp_path, content):
    found = survives(tmp_path, "m.jsonl", content, read_manifest)
    for row in found.rows if found else ():
        boxes_are_boxes(row.boxes)
        assert all(0 <= b.x0 < b.x1 <= row.width and 0 <= b.y0 < b.y1 <= row.height for b in row.boxes)


@SETTINGS
@given(
    st.dictionaries(
        st.sampled_from(["id", "image", "width", "height", "boxes", "areas", "split", "masks", "x"]), VALUES
    )
)
def test_any_values_for_a_row(tmp_path, row):
    content = good_manifest().split(b"\n")[0] + b"\n" + json.dumps(row).encode()
    survives(tmp_path, "m.jsonl", content, read_manifest)


@SETTINGS
@given(st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=4).map("\n".join))
def test_any_text_for_yolo(tmp_path, text):
    found = survives(tmp_path, "1.txt", text.encode(errors="replace"), lambda path, p: read_yolo(path, {}, p))
    boxes_are_boxes([box for _, box in found.boxes])
    assert all(-0.6 < value < 1.6 for _, box in found.boxes for value in box.as_list())


@SETTINGS
@given(spoilt(b"names:\n  0: nodule\n  1: cyst\n") | st.binary(max_size=60))
def test_any_bytes_for_class_names(tmp_path, content):
    found = survives(tmp_path, "data.yaml", content, lambda path, _: class_names([path]))
    assert all(isinstance(k, int) and isinstance(v, str) for k, v in (found or {}).items())


@SETTINGS
@given(spoilt(GOOD_VOC) | st.binary(max_size=60))
def test_any_bytes_for_voc(tmp_path, content):
    boxes_are_boxes([box for _, box in survives(tmp_path, "1.xml", content, read_voc).boxes])


@SETTINGS
@given(
    spoilt(GOOD_COCO)
    | st.binary(max_size=60)
    | st.builds(
        lambda *parts: json.dumps(dict(zip(("images", "annotations", "categories"), parts, strict=True))).encode(),
        st.lists(st.fixed_dictionaries({"id": VALUES, "file_name": VALUES, "width": VALUES}) | VALUES, max_size=3),
        st.lists(st.fixed_dictionaries({"image_id": VALUES | st.just(1), "bbox": VALUES}) | VALUES, max_size=3),
        VALUES | st.lists(st.fixed_dictionaries({"id": VALUES, "name": VALUES}), max_size=2),
    )
)
def test_any_json_for_coco(tmp_path, content):
    for found in survives(tmp_path, "c.json", content, read_coco) or ():
        boxes_are_boxes([box for _, box in found.boxes])


@SETTINGS
@given(
    st.lists(st.lists(WORDS, max_size=6).map(",".join), max_size=4).map(
        lambda rows: "\n".join(["file,xmin,ymin,xmax,ymax", *rows]).encode(errors="replace")
    )
    | spoilt(b"file,xmin,ymin,xmax,ymax\na.jpg,1,2,3,4\n")
)
def test_any_text_for_a_table(tmp_path, content):
    for row in survives(tmp_path, "b.csv", content, lambda path, p: list(read_box_table(path, p))) or ():
        boxes_are_boxes([box for _, box in row.boxes])
    survives(tmp_path, "b.csv", content, lambda path, _: read_rows(path))


FORMS = {"yolo": "1.txt", "voc": "1.xml", "coco": "c.json", "csv": "b.csv", "masks": "masks/1.png"}
GOOD = {"yolo": b"0 0.5 0.5 0.2 0.4", "voc": GOOD_VOC, "coco": GOOD_COCO, "csv": b"file,xmin,ymin,xmax,ymax\n1,1,2,3,4"}


@SETTINGS
@given(st.data(), st.sampled_from(sorted(FORMS)), st.sampled_from(["auto", ""]))
def test_any_folder_is_a_manifest_or_errors_that_name_files(tmp_path, data, kind, auto):
    root = tmp_path / kind
    save_image(root / "1.png")
    (root / FORMS[kind]).parent.mkdir(exist_ok=True)
    (root / FORMS[kind]).write_bytes(data.draw(spoilt(GOOD.get(kind) or encoded(".png"))))
    problems = Problems()
    with problems.collected():
        source = Source(root.resolve(), auto or kind)
        manifest = prepare(source, Wishes(target="nodule"), read_mask, problems)
        write_manifest(root / "m.jsonl", manifest)
        again = Problems()
        assert read_manifest(root / "m.jsonl", again).rows == manifest.rows
        assert again.errors == []
        assert list(statement(manifest, root.resolve(), problems))
    assert all(str(root) in line or "--kind" in line for line in problems.errors)


def encoded(suffix):
    array = np.zeros((30, 40), np.uint8)
    array[4:20, 5:30] = 255
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"medloc-hostile-{os.getpid()}{suffix}"
    Image.fromarray(array).save(path)
    content = path.read_bytes()
    path.unlink()
    return content


@SETTINGS
@given(st.one_of(*(spoilt(encoded(suffix)) for suffix in (".png", ".jpg", ".bmp", ".tif", ".webp"))))
def test_any_bytes_for_a_mask_or_an_image(tmp_path, content):
    mask = survives(tmp_path, "m.png", content, lambda path, _: read_mask(path))
    if mask is not None:
        assert all(0 <= b.x0 < b.x1 <= mask.width and 0 <= b.y0 < b.y1 <= mask.height for b in mask.boxes)
        assert len(mask.boxes) == len(mask.areas)
    image = survives(tmp_path, "m.png", content, lambda path, _: open_image(path))
    assert image is None or image.mode == "RGB"


def header_of_png(path, width, height):
    """A PNG that claims a size and holds no pixels: what is refused by its header costs no memory."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path


def test_an_image_has_a_limit_of_pixels_and_a_bomb_is_refused_by_name(tmp_path):
    assert image_size(header_of_png(tmp_path / "a.png", PIXELS, 1)) == (PIXELS, 1)
    for width, height in ((PIXELS + 1, 1), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        bomb = header_of_png(tmp_path / "bomb.png", width, height)
        for read in (image_size, open_image, read_mask):
            with pytest.raises(ValueError, match=r"bomb\.png: this (image|mask) does not open"):
                read(bomb)


def test_a_mask_has_a_limit_of_components(tmp_path):
    dots = np.zeros((2, 2 * BOXES + 2), np.uint8)
    dots[0, : 2 * BOXES : 2] = 255
    Image.fromarray(dots).save(tmp_path / "m.png")
    assert len(read_mask(tmp_path / "m.png").boxes) == BOXES
    dots[0, 2 * BOXES] = 255
    Image.fromarray(dots).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=rf"m\.png: {BOXES + 1} components are more than {BOXES}"):
        read_mask(tmp_path / "m.png")


def test_no_path_leaves_the_data_folder(tmp_path):
    root = tmp_path / "data"
    save_image(root / "in" / "a.png")
    save_image(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "folder").symlink_to(tmp_path)
    (root / "good.png").symlink_to(root / "in" / "a.png")
    (root / "circle").symlink_to(root / "circle")
    assert inside(root, "in/a.png") == root / "in" / "a.png"
    assert inside(root, "good.png") == root / "good.png"
    for name in ("../secret.png", "in/../../secret.png", str(tmp_path / "secret.png"), "link.png", "folder/secret.png"):
        with pytest.raises(ValueError, match="leaves the data folder"):
            inside(root, name)
    for name in ("in", "no.png", "circle", "x" * 5000, "..\\in\\b.png", ""):
        with pytest.raises(ValueError, match=r"no such file|leaves"):
            inside(root, name)
    with pytest.raises(ValueError, match="is no path"):
        inside(root, "a\0.png")


@SETTINGS
@given(st.text(max_size=20) | st.lists(st.sampled_from(["..", "/", "in", ".", "~", "\\", "a.png"])).map("/".join))
def test_any_name_is_a_file_inside_or_an_error(tmp_path, name):
    root = tmp_path.resolve()
    save_image(root / "in" / "a.png", (2, 2))
    with contextlib.suppress(ValueError):
        assert inside(root, name).resolve().is_relative_to(root)


def test_a_table_of_another_kind_names_itself(tmp_path):
    save_image(tmp_path / "ISIC_0000001.jpg")
    save_mask(tmp_path / "ISIC_0000001_segmentation.png", (1, 1, 9, 9))
    (tmp_path / "HAM10000_metadata.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"HAM10000_metadata\.csv: no column image_id"):
        read_ham10000(tmp_path, "union")
