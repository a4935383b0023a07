"""YOLO, VOC, COCO and tables: hand-computed boxes, errors by file and line, limits, entity bombs."""

import json

import pytest

from medloc.boxes import Box
from medloc.data.files import BOXES, FIELD, SIDECAR, Problems, limited_bytes
from medloc.data.formats import half_open, tables
from medloc.data.formats.labels import class_names, read_voc, read_yolo
from medloc.data.formats.tables import read_box_table, read_coco

OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def file(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def voc(*objects, size="<size><width>40</width><height>30</height></size>"):
    return f"<annotation><filename>other.jpg</filename>{size}{''.join(OBJECT.format(*o) for o in objects)}</annotation>"


def test_yolo_boxes_polygons_and_names(tmp_path):
    problems = Problems()
    path = file(tmp_path, "1.txt", "0 0.5 0.5 0.2 0.4\n\n1 0.25 0.5 0.1 0.2 0.93\n7 0.1 0.1 0.3 0.2 0.2 0.5\n")
    found = read_yolo(path, {0: "nodule", 1: "cyst"}, problems, "cxcywh-confidence")
    assert [name for name, _ in found.boxes] == ["nodule", "cyst", "7"]
    expected = [[0.4, 0.3, 0.6, 0.7], [0.2, 0.4, 0.3, 0.6], [0.1, 0.1, 0.3, 0.5]]
    assert [box.as_list() for _, box in found.boxes] == [pytest.approx(box) for box in expected]
    assert (found.normalised, found.broken, problems.errors) == (True, False, [])
    assert problems.quirks == {"polygons, taken by the box around each": 1}


def test_an_empty_yolo_file_says_that_there_is_nothing(tmp_path):
    found = read_yolo(file(tmp_path, "1.txt", "\n"), {}, Problems())
    assert (found.boxes, found.broken) == ((), False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "3 numbers after the class"),
        ("0 0.5 0.5 0.2 0.2 0.2 0.2 0.2", "7 numbers after the class"),
        ("0 50 60 20 20", "must lie in [0, 1]"),
        ("0 nan 0.5 0.2 0.2", "are not a class and numbers"),
        ("0 0.5 0.5 0 0.2", "width and height must be above 0"),
        ("nodule 0.5 0.5 0.2 0.2", "are not a class and numbers"),
    ],
)
def test_a_bad_yolo_line_is_named_and_its_image_has_no_truth(tmp_path, line, message):
    problems = Problems()
    found = read_yolo(file(tmp_path, "1.txt", f"0 0.5 0.5 0.2 0.4\n{line}\n"), {}, problems)
    assert (found.boxes, found.broken) == ((), True)
    assert "1.txt line 2: " in problems.errors[0]
    assert message in problems.errors[0]


def test_class_names_come_from_a_list_or_from_yaml(tmp_path):
    assert class_names([file(tmp_path, "classes.txt", "nodule\ncyst\n")]) == {0: "nodule", 1: "cyst"}
    assert class_names([file(tmp_path, "data.yaml", "names: [nodule, cyst]")]) == {0: "nodule", 1: "cyst"}
    assert class_names([file(tmp_path, "data.yaml", "names: {3: cyst}")]) == {3: "cyst"}
    assert class_names([file(tmp_path, "readme.txt", "x")]) == {}
    with pytest.raises(ValueError, match=r"data\.yaml: must have names"):
        class_names([file(tmp_path, "data.yaml", "!!python/object/apply:os.system ['true']")])


def test_voc_boxes_size_and_no_object(tmp_path):
    problems = Problems()
    found = read_voc(file(tmp_path, "1.xml", voc(("cyst", 1, 2, 20.5, 30), ("cyst", 0, 0, 5, 5))), problems)
    assert found.boxes == (("cyst", Box(1, 2, 20.5, 30)), ("cyst", Box(0, 0, 5, 5)))
    assert (found.size, found.file) == ((40, 30), str(tmp_path / "1.xml"))
    nothing = read_voc(file(tmp_path, "2.xml", voc(size="<size><width>0</width></size>")), problems)
    assert (nothing.boxes, nothing.size, nothing.broken, problems.errors) == ((), None, False, [])


BOMB = '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><annotation>&b;</annotation>'
OUTSIDE = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "1.xml: refused: "),
        (OUTSIDE, "1.xml: refused: "),
        ("<annotation>", "1.xml: is not XML"),
        (b"\xff\xfe\x00", "1.xml: is not XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "1.xml: "),
        ("<case/>", "begins with <case>; a VOC file begins with <annotation>"),
        (voc(("a", 1, 2, "", 4)), "1.xml object 1: bndbox must have xmin, ymin, xmax, ymax"),
        (voc(size="<size><width>4O</width></size>"), "is not two numbers"),
    ],
)
def test_a_bad_voc_file_is_named(tmp_path, content, message):
    problems = Problems()
    found = read_voc(file(tmp_path, "1.xml", content), problems)
    assert (found.boxes, found.broken, len(problems.errors)) == ((), True, 1)
    assert message in problems.errors[0]


def test_coco_boxes_have_a_width_and_images_may_have_none(tmp_path):
    problems = Problems()
    content = {
        "images": [
            {"id": 7, "file_name": "a/1.jpg", "width": 40, "height": 30},
            {"id": "x", "file_name": "2.jpg"},
        ],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20.5]},
            {"image_id": 7, "bbox": [0, 0, 5, 5], "iscrowd": 1},
        ],
        "categories": [{"id": 3, "name": "cyst"}],
    }
    one, two = read_coco(file(tmp_path, "c.json", json.dumps(content)), problems)
    assert (one.file, one.boxes, one.size) == ("a/1.jpg", (("cyst", Box(1, 2, 11, 22.5)),), (40, 30))
    assert (two.file, two.boxes, two.size) == ("2.jpg", (), None)
    assert (problems.errors, problems.quirks) == ([], {"crowd regions, left out": 1})


def test_bad_coco_annotations_are_named_and_their_images_have_no_truth(tmp_path):
    problems = Problems()
    content = {
        "images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}, {"id": 2, "file_name": "3.jpg"}],
        "annotations": [
            {"image_id": 1, "bbox": [0, 0, 5, 5]},
            {"image_id": 1, "bbox": [0, 0, "5", 5]},
            {"image_id": 9, "bbox": [0, 0, 5, 5]},
            7,
        ],
    }
    found = read_coco(file(tmp_path, "c.json", json.dumps(content)), problems)
    assert [(one.file, one.broken, one.boxes) for one in found] == [("1.jpg", True, ()), ("2.jpg", False, ())]
    assert [e.partition("c.json ")[2].partition(":")[0] for e in problems.errors] == [
        "images[2]",
        "annotations[1]",
        "annotations[2]",
        "annotations[3]",
    ]


@pytest.mark.parametrize(
    "content", ["", "[" * 100_000, "[]", '{"images": {}}', b"\xff", '{"images": [], "annotations": 1}']
)
def test_what_is_no_coco_file_is_one_error(tmp_path, content):
    with pytest.raises(ValueError, match=r"c\.json: "):
        read_coco(file(tmp_path, "c.json", content), Problems())


def table(tmp_path, text):
    problems = Problems()
    return list(read_box_table(file(tmp_path, "b.csv", text), problems)), problems


@pytest.mark.parametrize(
    "header",
    [
        "file,xmin,ymin,xmax,ymax",
        "Path;X_MIN;Y_MIN;X_MAX;Y_MAX",
        "image_id\tx1\ty1\tx2\ty2",
        "\ufefffilename,x0,y0,x1,y1",
    ],
)
def test_a_table_goes_by_many_names_and_delimiters(tmp_path, header):
    delimiter = next(d for d in ",;\t" if d in header)
    (row,), problems = table(tmp_path, f"{header}\n{delimiter.join(['a.jpg', '1', '2', '3.5', '4'])}\n")
    assert (row.file, row.boxes, problems.errors) == ("a.jpg", (("", Box(1, 2, 3.5, 4)),), [])


def test_x_y_w_h_and_the_columns_beside_them(tmp_path):
    columns = "path,x,y,w,h,label_text,class,patient_id,split,image_width,image_height"
    (one, two), problems = table(tmp_path, f"{columns}\na,1,2,3,4,t,cyst,p7,test,40,30\nb,,,,,,,,,,\n")
    assert (one.boxes, one.size) == ((("cyst", Box(1, 2, 4, 6)),), (40, 30))
    assert (one.label, one.group, one.split) == ("cyst", "p7", "test")
    assert (two.boxes, two.broken, problems.errors) == ((), False, [])


def test_bad_rows_are_named_by_their_line_and_the_others_are_kept(tmp_path):
    text = 'file,xmin,ymin,xmax,ymax\na,1,2,x,4\n,1,2,3,4\nb,1,2,3,4\n"' + "y" * (FIELD + 1) + '",1,2,3,4\nc,1,,3,4\n'
    rows, problems = table(tmp_path, text)
    assert [(row.file, row.broken) for row in rows] == [("a", True), ("b", False), ("c", True)]
    assert [e.partition("b.csv line ")[2].partition(":")[0] for e in problems.errors] == ["2", "3", "5", "6"]


def test_a_table_in_another_encoding_names_the_line(tmp_path):
    rows, problems = table(tmp_path, b"file,xmin,ymin,xmax,ymax\nF\xfc\xdfe.jpg,1,2,3,4\nb,1,2,3,4\n")
    assert [row.file for row in rows] == ["b"]
    assert "b.csv line 2: is not UTF-8" in problems.errors[0]


def test_corners_of_other_tools_become_half_open():
    assert half_open(Box(1, 2, 3, 4), "half-open") == Box(1, 2, 3, 4)
    assert half_open(Box(399, 133, 688, 397), "inclusive") == Box(399, 133, 689, 398)
    assert half_open(Box(1, 1, 40, 30), "one-based") == Box(0, 0, 40, 30)


def test_limits_of_a_file_hold_at_the_limit_and_not_one_past_it(tmp_path):
    line = "0 0.5 0.5 0.2 0.4"
    for size, good in ((SIDECAR, True), (SIDECAR + 1, False)):
        problems = Problems()
        assert len(read_yolo(file(tmp_path, "1.txt", line.ljust(size)), {}, problems).boxes) == good
        assert ("holds more than" in "".join(problems.errors)) != good
        content = voc(("a", 1, 2, 3, 4)).ljust(size)
        assert len(read_voc(file(tmp_path, "1.xml", content), problems).boxes) == good
    for count, good in ((BOXES, True), (BOXES + 1, False)):
        problems = Problems()
        assert read_yolo(file(tmp_path, "1.txt", f"{line}\n" * count), {}, problems).broken != good
        assert read_voc(file(tmp_path, "1.xml", voc(*[("a", 1, 2, 3, 4)] * count)), problems).broken != good
        images = [{"id": 1, "file_name": "1.jpg"}]
        content = {"images": images, "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}] * count}
        (image,) = read_coco(file(tmp_path, "c.json", json.dumps(content)), problems)
        assert (image.broken, len(image.boxes)) == (not good, BOXES if good else 0)
        assert len(problems.errors) == (0 if good else 3)
    with pytest.raises(ValueError, match=r"1\.txt: holds more than 9 bytes"):
        limited_bytes(file(tmp_path, "1.txt", "0123456789"), 9)
    assert limited_bytes(file(tmp_path, "1.txt", "0123456789"), 10) == b"0123456789"


def test_a_coco_file_has_a_limit_of_its_own(tmp_path, monkeypatch):
    path = file(tmp_path, "c.json", '{"images": [], "annotations": []}')
    monkeypatch.setattr(tables, "DOCUMENT", path.stat().st_size)
    assert read_coco(path, Problems()) == []
    monkeypatch.setattr(tables, "DOCUMENT", path.stat().st_size - 1)
    with pytest.raises(ValueError, match=r"c\.json: holds more than"):
        read_coco(path, Problems())
