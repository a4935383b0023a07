import json
import math

import pytest

from medloc.boxes import Box
from medloc.data.files import BOXES, FIELD, LINE, Problems
from medloc.data.manifest import Header, Manifest, ManifestRow, read_header, read_manifest, write_manifest

HEAD = {"medloc_manifest": 1, "name": "own", "target": "nodule"}
ROW = {"id": "a", "image": "a.png", "width": 40, "height": 30, "boxes": [[1, 2, 20, 30]]}


def written(path, *lines):
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n", "utf-8")
    return path


def errors_of(path):
    problems = Problems()
    manifest = read_manifest(path, problems)
    return manifest, problems.errors


def test_what_is_written_is_read_again(tmp_path):
    rows = (
        ManifestRow("a/1", "a/1.png", 40, 30, (Box(1, 2, 20, 30), Box(0, 0, 1.5, 1)), (99, 1), "nv", "p1", "train"),
        ManifestRow("b ä", "b ä.png", 9, 9, (), None, "", "b ä", "test", ("m.png", "n.png")),
    )
    manifest = Manifest(Header("own", "nodule", "Where is it?", "phantom", "images"), rows)
    write_manifest(tmp_path / "m.jsonl", manifest)
    found, errors = errors_of(tmp_path / "m.jsonl")
    assert (found, errors, found.lines) == (manifest, [], (2, 3))


def test_only_five_keys_are_needed(tmp_path):
    found, errors = errors_of(written(tmp_path / "m.jsonl", HEAD, ROW))
    assert errors == []
    assert found.header == Header("own", "nodule", None, "real", ".")
    assert found.rows == (ManifestRow("a", "a.png", 40, 30, (Box(1, 2, 20, 30),), None, "", "a"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": [[1, 2, 41, 30]]}, "the box 1,2,41,30 reaches beyond its image of 40x30 px"),
        ({"boxes": [[20, 2, 20, 30]]}, "20,2,20,30 is not a box"),
        ({"boxes": [[1, 2, 3]]}, "boxes[0]: a box must be four numbers"),
        ({"boxes": [[1, 2, True, 30]]}, "boxes[0]: a box must be four numbers"),
        ({"boxes": [[1, 2, 10**400, 30]]}, "inf,inf,inf,inf is not a box"),
        ({"boxes": [[1, 2, math.inf, 30]]}, "1,2,inf,30 is not a box"),
        ({"boxes": [[1, 2, math.nan, 30]]}, "1,2,nan,30 is not a box"),
        ({"boxes": None}, "boxes must be a list"),
        ({"areas": [1, 2]}, "2 areas for 1 boxes"),
        ({"areas": [0]}, "areas[0] must be a whole number, at least 1"),
        ({"width": 40.5}, "width must be a whole number, at least 1"),
        ({"id": ""}, "id must not be empty"),
        ({"id": "a#0"}, "id a#0 ends like the number of a box"),
        ({"image": 3}, "image must be a text"),
        ({"split": "Train"}, "split: 'Train' is not known; use one of train, validation, test, or null"),
        ({"grp": "x"}, "'grp' is no key of this line; the keys are areas, boxes, group"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_the_others_are_kept(tmp_path, change, message):
    good = {**ROW, "id": "b", "image": "b.png"}
    found, errors = errors_of(written(tmp_path / "m.jsonl", HEAD, {**ROW, **change}, "", good))
    assert [row.id for row in found.rows] == ["b"]
    assert len(errors) == 1
    assert f"m.jsonl line 2: {message}" in errors[0]


def test_every_error_is_kept_not_only_the_first(tmp_path):
    rows = [{**ROW, "id": f"{i}", "image": f"{i}.png", "width": 0} for i in range(30)]
    _, errors = errors_of(written(tmp_path / "m.jsonl", HEAD, *rows, "{", "[1]", '{"id": NaN}'))
    assert [int(line.partition(" line ")[2].partition(":")[0]) for line in errors] == list(range(2, 35))


def test_an_id_or_an_image_that_stands_twice_is_named_with_both_lines(tmp_path):
    path = written(tmp_path / "m.jsonl", HEAD, ROW, {**ROW, "image": "b.png"}, {**ROW, "id": "b"})
    assert [e.partition("m.jsonl ")[2] for e in errors_of(path)[1]] == [
        "line 3: id a is that of line 2 already; ids must differ.",
        "line 4: image a.png is that of line 2 already; give one row with all its boxes.",
    ]


def test_a_part_for_all_or_for_none(tmp_path):
    path = written(tmp_path / "m.jsonl", HEAD, {**ROW, "split": "test"}, {**ROW, "id": "b", "image": "b.png"})
    assert errors_of(path)[1] == [f"{path} line 3: no split where other rows have one; give all or none."]


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("", "is not JSON"),
        (ROW, "'id' is no key of this line; the keys are foreground, invert, medloc_manifest, name"),
        ({**HEAD, "medloc_manifest": 2}, "medloc_manifest must be at most 1"),
        ({**HEAD, "medloc_manifest": True}, "medloc_manifest must be a whole number"),
        ({"name": "own", "target": "nodule"}, "medloc_manifest is missing"),
        ({**HEAD, "target": " "}, "target must not be empty"),
        ({**HEAD, "target": None}, "target must be a text"),
        ({**HEAD, "version": 1}, "'version' is no key of this line"),
        ({**HEAD, "prompt": "x" * (FIELD + 1)}, f"prompt has more than {FIELD} characters"),
    ],
)
def test_a_bad_header_is_one_error(tmp_path, first, message):
    with pytest.raises(ValueError, match=r"m\.jsonl line 1: ") as caught:
        read_header(written(tmp_path / "m.jsonl", first, ROW))
    assert message in str(caught.value)


def test_no_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match=r"no such manifest; `python -m medloc.data prepare FOLDER`"):
        read_header(tmp_path / "m.jsonl")


def test_limits_of_line_field_and_boxes_hold_at_the_limit_and_not_one_past_it(tmp_path):
    line = json.dumps(ROW)
    boxes = [[0, 0, 1, 1]]
    for row, good in [
        (line.ljust(LINE - 1), True),  # and the line's end
        (line.ljust(LINE), False),
        (line.ljust(3 * LINE), False),
        ({**ROW, "id": "x" * FIELD}, True),
        ({**ROW, "id": "x" * (FIELD + 1)}, False),
        ({**ROW, "group": "x" * (FIELD + 1)}, False),
        ({**ROW, "boxes": boxes * BOXES}, True),
        ({**ROW, "boxes": boxes * (BOXES + 1)}, False),
    ]:
        found, errors = errors_of(written(tmp_path / "m.jsonl", HEAD, row, {**ROW, "id": "b", "image": "b.png"}))
        assert (len(found.rows), len(errors)) == ((2, 0) if good else (1, 1)), str(row)[:60]
        assert all("line 2: " in error for error in errors)
