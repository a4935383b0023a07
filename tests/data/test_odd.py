"""What people bring, by the kind: each input is read as a person would, or refused by name. None is a silent negative.

The inputs make the table of docs/data.md.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from medloc.boxes import Box
from medloc.data.__main__ import main
from medloc.data.example import Coding
from medloc.data.files import Problems
from medloc.data.formats.masks import choose_boxes, measure, read_foreground, read_mask
from medloc.data.images import open_image
from medloc.data.prepare import Wishes, prepare
from medloc.data.rows import Source
from tests.data.helpers import save_image
from tests.data.test_sidecars import voc

SIZE, BOX = (120, 80), [30, 20, 70, 50]
TRUE = np.zeros((80, 120), bool)
TRUE[20:50, 30:70] = True
LINE = f"0 {50 / 120:.6f} {35 / 80:.6f} {40 / 120:.6f} {30 / 80:.6f}"
READ, LEFT = "read", "left out, counted"


def levels(outside, inside, dtype=np.uint8):
    return Image.fromarray(np.where(TRUE, inside, outside).astype(dtype))


def coloured(outside, inside, mode="RGB"):
    return Image.fromarray(np.where(TRUE[..., None], inside, outside).astype(np.uint8), mode)


def three(second):
    array = np.where(TRUE, 1, 0).astype(np.uint8)
    array[60:70, 80:100] = second
    return Image.fromarray(array)


def palette():
    image = levels(0, 1)
    image.putpalette([0, 0, 0, 128, 0, 0])
    return image


def specked():
    array = np.where(TRUE, 255, 0).astype(np.uint8)
    array[75, 110] = 255
    return Image.fromarray(array)


RED, CLEAR = (255, 0, 0, 255), (255, 255, 255, 0)
SAY = "--foreground VALUE"
MASKS = {
    "0 and 255, or 0 and 1": [
        (levels(0, 255), {}, READ),
        (levels(0, 1), {}, READ),
        (levels(0, 65535, np.uint16), {}, READ),
    ],
    "one other value (2, 100, 127)": [(levels(0, value), {}, SAY) for value in (2, 100, 127)],
    "the same with `--foreground VALUE`": [(levels(0, v), {"foreground": str(v)}, READ) for v in (2, 100, 127)],
    "several classes (0, 1, 2)": [(three(2), {}, SAY), (three(255), {}, SAY)],
    "the same with `--foreground 1`": [(three(2), {"foreground": "1"}, READ)],
    "instance ids of 16 bits": [(levels(0, 700, np.uint16), {}, SAY)],
    "the same with `--foreground nonzero`": [(levels(0, 700, np.uint16), {"foreground": "nonzero"}, READ)],
    "a colour": [(coloured((0, 0, 0), c), {}, SAY) for c in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 0, 0)]],
    "the same with `--foreground red`": [(coloured((0, 0, 0), (255, 0, 0)), {"foreground": "red"}, READ)],
    "a palette index": [(palette(), {}, SAY), (palette(), {"foreground": "1"}, READ)],
    "an alpha channel": [(coloured(CLEAR, RED, "RGBA"), {}, SAY), (coloured(CLEAR, (255,) * 4, "RGBA"), {}, SAY)],
    "the same with `--foreground nonzero`, where alpha is 0 outside": [
        (coloured(CLEAR, RED, "RGBA"), {"foreground": "nonzero"}, READ)
    ],
    "the same with `--foreground alpha`": [(coloured(CLEAR, RED, "RGBA"), {"foreground": "alpha"}, READ)],
    "foreground all along the border": [(levels(255, 0), {}, "--invert"), (levels(1, 0), {}, "--invert")],
    "the same with `--invert`": [(levels(255, 0), {"invert": True}, READ)],
    "a value that no mask has": [(levels(0, 255), {"foreground": "7"}, "is in no mask")],
    "specks, with `--min-area 3`": [(specked(), {"min_area": 3}, READ)],
}


def outcome(root, kind="auto", coding=None, wishes=None, **source):
    """Return the boxes of every image, or the errors as text."""
    coding, problems = coding or Coding(), Problems()
    found = Source(root.resolve(), kind, coding=coding, **source)
    try:
        manifest = prepare(found, wishes or Wishes(target="x"), partial(read_mask, coding=coding), problems)
    except ValueError as error:
        return str(error), problems
    if problems.errors:
        return " ".join(problems.errors), problems
    return {row.id.rpartition("/")[2]: [box.as_list() for box in row.boxes] for row in manifest.rows}, problems


def holds(found, expected, name):
    if expected == READ:
        return found == {"a": [BOX]}
    if expected == LEFT:
        return found == {"good": [BOX]}
    return isinstance(found, str) and expected in found and name in found


@pytest.mark.parametrize("words", MASKS)
def test_masks_are_read_or_refused_by_name(tmp_path, words):
    for number, (image, coding, expected) in enumerate(MASKS[words]):
        root = tmp_path / str(number)
        save_image(root / "images" / "a.png", SIZE)
        (root / "masks").mkdir()
        image.save(root / "masks" / "a.png")
        found, _ = outcome(root, coding=Coding(**coding))
        assert holds(found, expected, "" if "no mask" in expected else "a.png"), (words, number, found)


def coco(bbox=(30, 20, 40, 30), image=None, **more):
    images = [{"id": 1, "file_name": "a.png", "width": 120, "height": 80, **(image or {})}]
    annotations = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": list(bbox), **more}]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "lesion"}]}
    return {"instances.json": json.dumps(content).encode()}


def table(header, row):
    return {"boxes.csv": f"{header}\n{row}\n".encode()}


GOOD = voc(("lesion", *BOX), size="<size><width>120</width><height>80</height></size>")
SHARES = (0.25, 0.25, 1 / 3, 0.375)
FILES = {
    "YOLO: byte order mark, UTF-16, commas, comments, class `0.0`": [
        ({"a.txt": text}, {}, READ)
        for text in (
            b"\xef\xbb\xbf" + LINE.encode(),
            LINE.encode("utf-16"),
            LINE.replace(" ", ",").encode(),
            b"# from a tool\n" + LINE.encode() + b" # the first",
            LINE.replace("0 ", "0.0 ", 1).encode(),
        )
    ],
    "YOLO: a class name, NaN, four columns, px": [
        ({"a.txt": text}, {}, "line 1")
        for text in (b"lesion 0.5 0.5 0.2 0.2", b"0 nan 0.5 0.2 0.2", b"0 0.5 0.5 0.2", b"0 50 35 40 30")
    ],
    "YOLO: a fifth number (angle or confidence)": [({"a.txt": f"{LINE} 0.785".encode()}, {}, "--order")],
    "the same with `--order cxcywh-confidence`": [
        ({"a.txt": f"{LINE} 0.9".encode()}, {"order": "cxcywh-confidence"}, READ)
    ],
    "VOC: UTF-16, `<Annotation>`, byte order mark": [
        ({"a.xml": text}, {}, READ)
        for text in (
            GOOD.encode("utf-16"),
            GOOD.replace("annotation>", "Annotation>").encode(),
            b"\xef\xbb\xbf" + GOOD.encode(),
        )
    ],
    "VOC: another XML, cut off, a turned box": [
        ({"a.xml": text}, {}, "a.xml")
        for text in (b"<case/>", GOOD[:90].encode(), GOOD.replace("bndbox", "robndbox").encode())
    ],
    "COCO: sizes and crowd as text or floats, a doubled annotation": [
        (coco(image={"width": "120", "height": 80.0}), {}, READ),
        (coco(iscrowd="0"), {}, READ),
    ],
    "COCO: a size that is not that of the image, also as text": [
        (coco(image={"width": "640", "height": "480"}), {}, "was drawn on 640x480"),
        (coco(image={"width": "wide"}), {}, "images[0]"),
    ],
    "COCO, csv: boxes in [0, 1]": [
        (coco(SHARES), {}, "--units share"),
        (table("file,xmin,ymin,xmax,ymax", "a.png,0.25,0.25,0.583333,0.625"), {}, "--units share"),
    ],
    "the same with `--units share`, and percent with `--units percent`": [
        (coco(SHARES), {"units": "share"}, READ),
        (table("file,xmin,ymin,xmax,ymax", "a.png,0.25,0.25,0.583333,0.625"), {"units": "share"}, READ),
        (coco([100 * value for value in SHARES]), {"units": "percent"}, READ),
    ],
    "COCO: [xmin, ymin, xmax, ymax] by area, or reaching beyond the image": [
        (coco(BOX, area=1200), {}, "--order xyxy"),
        (coco((60, 40, 110, 70)), {}, "--order"),
    ],
    "the same with `--order xyxy`": [(coco(BOX, area=1200), {"order": "xyxy"}, READ)],
    "csv: sizes where corners are named": [
        (table("file,xmin,ymin,xmax,ymax", "a.png,30,20,20,15"), {}, "--order"),
        (table("file,xmin,ymin,xmax,ymax", "a.png,30,20,40,30"), {"order": "xywh"}, READ),
    ],
    "`--only` with a class that no box has": [(coco(), {"only": ("Lesion",)}, "the classes are lesion")],
    "only a crowd region on an image": [(coco(iscrowd="1"), {}, "no image")],
    "names with `\\`, the folder's own name, or an old absolute path": [
        (coco(image={"file_name": name}), {}, READ)
        for name in (r"images\a.png", "/old/place/images/a.png", r"C:\x\a.png")
    ],
    "a name that no image has": [(coco(image={"file_name": "b.png"}), {}, "is called b.png")],
}


@pytest.mark.parametrize("words", FILES)
@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside a good file"])
def test_label_files_are_read_or_refused_by_name(tmp_path, words, others):
    for number, (files, source, expected) in enumerate(FILES[words]):
        (name, content), root = next(iter(files.items())), tmp_path / f"{number}"
        save_image(root / "images" / "a.png", SIZE)
        (root / name).write_bytes(content)
        kind = {".txt": "yolo", ".xml": "voc", ".json": "coco", ".csv": "csv"}[Path(name).suffix]
        if others and kind in ("yolo", "voc"):
            save_image(root / "images" / "good.png", SIZE)
            good = GOOD if kind == "voc" else LINE + " 0.9" * bool(source)
            (root / f"good{Path(name).suffix}").write_text(good)
        found, _ = outcome(root, kind if not others else "auto", **source)
        if others and isinstance(found, dict) and kind in ("yolo", "voc"):
            assert found.pop("good") == [pytest.approx(BOX, abs=0.01)]
        if isinstance(found, dict):
            found = {key: [[round(value, 2) for value in box] for box in boxes] for key, boxes in found.items()}
        assert holds(found, expected, ""), (words, number, found)


def test_the_page_holds_the_table_that_these_inputs_make():
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    for words, cases in {**MASKS, **FILES}.items():
        ends = {READ if expected == READ else "refused" for *_, expected in cases}
        assert f"| {words} | {' or '.join(sorted(ends))} |" in page


def test_a_set_has_one_coding(tmp_path):
    for name, inside in (("a", 1), ("b", 255)):
        save_image(tmp_path / "images" / f"{name}.png", SIZE)
        (tmp_path / "masks").mkdir(exist_ok=True)
        levels(0, inside).save(tmp_path / "masks" / f"{name}.png")
    found, _ = outcome(tmp_path)
    assert "a.png is coded 0 and 1, " in found
    assert "b.png up to 255" in found
    assert outcome(tmp_path, coding=Coding("nonzero"))[0] == {"a": [BOX], "b": [BOX]}


def test_images_with_other_classes_or_crowds_only_are_no_negatives_unless_said(tmp_path):
    for name in ("a", "b", "c"):
        save_image(tmp_path / f"{name}.png", SIZE)
    images = [{"id": i, "file_name": f"{name}.png"} for i, name in enumerate("abc")]
    boxes = [{"image_id": 0, "category_id": 1, "bbox": [30, 20, 40, 30]}] * 2
    boxes += [{"image_id": 1, "category_id": 2, "bbox": [1, 1, 9, 9]}]
    boxes += [{"image_id": 2, "category_id": 1, "bbox": [1, 1, 9, 9], "iscrowd": 1}]
    names = [{"id": 1, "name": "lesion"}, {"id": 2, "name": "ruler"}]
    (tmp_path / "c.json").write_text(json.dumps({"images": images, "annotations": boxes, "categories": names}))
    found, problems = outcome(tmp_path, only=("lesion",))
    assert found == {"a": [BOX]}
    assert problems.quirks["equal boxes of one image, taken once"] == 1
    assert problems.quirks["images with other classes or crowd regions only, left out (see --others)"] == 2
    assert outcome(tmp_path, only=("lesion",), others=True)[0] == {"a": [BOX], "b": [], "c": []}


def test_neither_a_folder_above_nor_a_name_hides_images(tmp_path):
    root = tmp_path / "segmentation" / "data"
    for name in ("label1", "b"):
        save_image(root / "segmentation" / "images" / f"{name}.png", SIZE)
        (root / "segmentation" / "masks").mkdir(exist_ok=True)
        levels(0, 255).save(root / "segmentation" / "masks" / f"{name}.png")
    assert outcome(root)[0] == {"label1": [BOX], "b": [BOX]}


def test_a_class_of_masks_is_a_value_of_theirs(tmp_path):
    save_image(tmp_path / "a.png", SIZE)
    levels(0, 255).save(tmp_path / "a_mask.png")
    assert outcome(tmp_path, only=("polyp",))[0].startswith("--only polyp: masks name no classes; --foreground VALUE")


def test_specks_are_counted(tmp_path):
    save_image(tmp_path / "a.png", SIZE)
    specked().save(tmp_path / "a_mask.png")
    found, problems = outcome(tmp_path)
    assert (len(found["a"]), problems.quirks["components of at most 2 px (--min-area leaves them out)"]) == (2, 1)


@pytest.mark.parametrize("form", ["coco", "vlm_r1"])
def test_nothing_is_written_over_the_manifest(tmp_path, capsys, form):
    save_image(tmp_path / "a.png", SIZE)
    levels(0, 255).save(tmp_path / "a_mask.png")
    path = tmp_path / "manifest.jsonl"
    assert main(["prepare", str(tmp_path), "--target", "x", "--cache", str(tmp_path / "c")]) == 0
    before = path.read_bytes()
    for command in (["export", str(path), "--to", form], ["show", str(path)]):
        assert main([*command, "--out", str(path.parent / "." / path.name)]) == 2
        assert "is the manifest itself" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_the_specialist_learns_is_read_by_the_same_coding(tmp_path):
    save_image(tmp_path / "a.png", SIZE)
    levels(255, 2).save(tmp_path / "a_mask.png")
    command = ["prepare", str(tmp_path), "--target", "x", "--cache", str(tmp_path / "c")]
    assert main([*command, "--foreground", "255", "--invert"]) == 0
    head = json.loads((tmp_path / "manifest.jsonl").read_text().splitlines()[0])
    assert (head["foreground"], head["invert"]) == ("255", True)
    assert (read_foreground(tmp_path / "a_mask.png", Coding("255", True)) == TRUE).all()


DEEP = {"12 bits in 16": 4095 / 255 * 0.9, "16 bits": 65535 / 255, "8 bits in 16": 1.0}


@pytest.mark.parametrize("mode", ["uint16 png", "uint16 tif", "float32 tif", "int32 tif"])
@pytest.mark.parametrize("factor", DEEP.values(), ids=DEEP)
def test_images_of_more_than_8_bits_are_scaled_from_their_own_levels(tmp_path, mode, factor):
    dtype, suffix = mode.split()
    plain = np.tile(np.linspace(0, 255, 120), (80, 1))
    Image.fromarray((plain * factor).astype(dtype)).save(tmp_path / f"a.{suffix}")
    read = np.asarray(open_image(tmp_path / f"a.{suffix}"))[..., 0].astype(float)
    # 0.5 and 99.5 % of a ramp from 0 to 255 are 1.3 and 253.7: no level moves further than that, and rounding
    assert abs(read - plain).max() <= 3.5
    assert outcome(tmp_path, "csv")[0] != {}


def test_levels_that_are_no_numbers_are_refused_by_name(tmp_path):
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif: this image does not open \(levels that are no numbers\)"):
        open_image(tmp_path / "a.tif")


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 255), min_size=2, max_size=3, unique=True),
    st.sampled_from(["L", "RGB", "P", "RGBA", "I;16", "I", "F"]),
    st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(2, 9), st.integers(2, 5)),
)
def test_any_two_or_three_values_of_any_mode_give_the_right_box_or_a_refusal(tmp_path, values, mode, place):
    x, y, w, h = place
    array = np.full((12, 20), values[0])
    array[y : y + h, x : x + w] = values[1]
    if len(values) == 3:
        array[11, 19] = values[2]
    types = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    image = Image.fromarray(array.astype(types.get(mode, np.uint8)))
    image = image.convert(mode) if mode in ("RGB", "RGBA") else image
    if mode == "P":
        image.putpalette([level for value in range(256) for level in (value,) * 3])
    path = tmp_path / ("a.tif" if mode in ("F", "I") else "a.png")
    image.save(path)
    for said in ("", str(values[1])):
        problems, found = Problems(), None
        with problems.collected():
            found = read_mask(path, Coding(said))
        if found is None:
            assert path.name in problems.errors[0]
            assert not said
        else:
            assert choose_boxes(found, "all") == (Box(x, y, x + w, y + h),) == measure(array == values[1]).boxes
