"""From a folder to a manifest: the layouts that people have, what is wrong with them, and who leaks into whom."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from medloc.boxes import Box
from medloc.data.__main__ import main
from medloc.data.files import Problems
from medloc.data.formats.masks import read_mask
from medloc.data.manifest import Header, Manifest, ManifestRow, read_manifest
from medloc.data.prepare import Wishes, counts, group_warning, prepare, shared_groups, statement, twins
from medloc.data.rows import Source
from medloc.data.splits import fifth, grouped_split, random_split
from tests.data.helpers import example, read_ham10000, read_tn3k, save_image, save_mask
from tests.data.test_loaders import ham, heel, tn3k
from tests.data.test_sidecars import voc


def prepared(root, kind="auto", target="nodule", wishes=None, **source):
    problems = Problems()
    manifest = prepare(Source(root.resolve(), kind, **source), wishes or Wishes(target=target), read_mask, problems)
    return manifest, problems


def boxes(manifest):
    return {row.id: [box.as_list() for box in row.boxes] for row in manifest.rows}


def quirks(problems):
    return {quirk: count for quirk, count in problems.quirks.items() if count}


def test_ham10000_is_read_by_its_loader_and_divided_as_it_divides(tmp_path):
    ham(tmp_path, 10)
    examples, _ = read_ham10000(tmp_path, "union")
    for how, split in (("grouped", grouped_split), ("image", random_split)):
        manifest, problems = prepared(tmp_path, wishes=Wishes(split=how))
        assert problems.errors == []
        assert [(r.id, r.group, r.label, *r.boxes) for r in manifest.rows] == [
            (e.id, e.group, e.label, e.box) for e in examples
        ]
        _, test = split(examples, fifth(10), 0)
        assert {row.id for row in manifest.rows if row.split == "test"} == {example.id for example in test}
    assert (manifest.header.name, manifest.header.target) == ("ham10000", "skin lesion")


@pytest.mark.parametrize("lesions", [True, False])
def test_ham10000_in_isics_and_kaggles_layouts(tmp_path, lesions):
    ham(tmp_path, 4, ("ISIC2018_Task3_Training_Input", "images"))
    (tmp_path / "HAM10000_metadata.csv").unlink()
    names = [f"ISIC_{24306 + i:07d}" for i in range(4)]
    truth = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n" + "".join(f"{name},0.0,1.0,0.0,0.0,0.0,0.0,0.0\n" for name in names)
    (tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv").write_text(truth)
    if lesions:
        table = "image,lesion_id,diagnosis_confirm_type\n" + "".join(f"{name},HAM_7,histo\n" for name in names)
        (tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv").write_text(table)
    manifest, _ = prepared(tmp_path)
    assert [(row.label, row.group) for row in manifest.rows] == [("nv", "HAM_7" if lesions else n) for n in names]


@pytest.mark.parametrize("labelled", [True, False])
def test_tn3k_with_and_without_label_files(tmp_path, labelled):
    tn3k(tmp_path)
    save_mask(tmp_path / "test-mask" / "1.jpg", (1, 1, 12, 12), (20, 15, 36, 28))
    if not labelled:
        (tmp_path / "label4test.csv").unlink()
    manifest, _ = prepared(tmp_path)
    test = [row for row in manifest.rows if row.split == "test"]
    assert [(row.id, row.label, len(row.boxes)) for row in test] == [
        ("test/0", "benign" if labelled else "", 1),
        ("test/1", "malignant" if labelled else "", 2),
    ]
    assert [row.split for row in manifest.rows].count("train") == 3
    every = read_tn3k(tmp_path, "test", "all")[0]
    assert [box for row in test for box in row.boxes] == [example.box for example in every]


def test_heel_with_every_form_of_sidecar(tmp_path):
    heel(tmp_path, "file,xmin,ymin,xmax,ymax\nnormal/1.jpg,4,3,20,30\nsever/1.jpg,,,,\nheelspur/1.jpg,0,0,40,15\n")
    expected = {"all_category/all_category/normal/1": [[4, 3, 20, 30]], "all_category/all_category/sever/1": []}
    expected["all_category/all_category/heelspur/1"] = [[0, 0, 40, 15]]
    labels = tmp_path / "labels"
    for name in ("normal", "sever", "heelspur"):
        for kind in ("yolo", "voc", "masks"):
            (labels / kind / name).mkdir(parents=True)
    (labels / "yolo/normal/1.txt").write_text("0 0.3 0.55 0.4 0.9\n")
    (labels / "yolo/heelspur/1.txt").write_text("0 0.5 0.25 1 0.5")
    (labels / "voc/normal/1.xml").write_text(voc(("calcaneus", 4, 3, 20, 30)))
    (labels / "voc/sever/1.xml").write_text(voc())
    (labels / "voc/heelspur/1.xml").write_text(voc(("calcaneus", 0, 0, 40, 15)))
    save_mask(labels / "masks/normal/1.png", (4, 3, 20, 30))
    save_mask(labels / "masks/sever/1.png")
    save_mask(labels / "masks/heelspur/1.png", (0, 0, 40, 15))
    images = [{"id": i, "file_name": f"{name}/1.jpg"} for i, name in enumerate(("normal", "sever", "heelspur"))]
    found = [{"image_id": 0, "bbox": [4, 3, 16, 27]}, {"image_id": 2, "bbox": [0, 0, 40, 15]}]
    (labels / "boxes.json").write_text(json.dumps({"images": images, "annotations": found}))
    for kind, place in (("csv", None), ("coco", None), ("yolo", "yolo"), ("voc", "voc"), ("masks", "masks")):
        manifest, problems = prepared(tmp_path, kind, None, Wishes(), annotations=place and (labels / place).resolve())
        assert boxes(manifest) == expected, kind
        assert {row.label for row in manifest.rows} == {"normal", "sever", "heelspur"}
        assert problems.errors == []
        assert (manifest.header.name, manifest.header.target) == ("heel", "calcaneus region")


def test_several_forms_at_once_have_to_be_chosen_from(tmp_path):
    save_image(tmp_path / "1.jpg")
    (tmp_path / "1.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "1.xml").write_text(voc())
    with pytest.raises(ValueError, match="holds boxes in several forms: yolo, voc; say which with --kind"):
        prepared(tmp_path)


def test_a_folder_without_boxes_says_what_is_known(tmp_path):
    save_image(tmp_path / "1.jpg")
    (tmp_path / "readme.txt").write_text("images of 2020")
    with pytest.raises(ValueError, match="holds no boxes that are known: no masks, COCO, YOLO or VOC files"):
        prepared(tmp_path)


def test_busis_second_masks_and_classes(tmp_path):
    for name, masks in (("benign (1)", [(1, 1, 9, 9)]), ("malignant (1)", [(1, 1, 5, 5), (20, 20, 30, 30)])):
        folder = tmp_path / name.split()[0]
        save_image(folder / f"{name}.png")
        for i, box in enumerate(masks):
            save_mask(folder / f"{name}_mask{f'_{i}' if i else ''}.png", box)
    save_image(tmp_path / "normal" / "normal (1).png")
    save_mask(tmp_path / "normal" / "normal (1)_mask.png")
    manifest, problems = prepared(tmp_path, folder_classes=True)
    assert boxes(manifest) == {
        "benign/benign (1)": [[1, 1, 9, 9]],
        "malignant/malignant (1)": [[1, 1, 5, 5], [20, 20, 30, 30]],
        "normal/normal (1)": [],
    }
    assert [row.label for row in manifest.rows] == ["benign", "malignant", "normal"]
    assert [len(row.masks) for row in manifest.rows] == [1, 2, 1]
    assert (problems.errors, quirks(problems)) == ([], {})


def test_every_broken_image_and_mask_is_an_error_and_the_rest_is_read(tmp_path):
    for i in range(6):
        save_image(tmp_path / "images" / f"{i}.png")
        save_mask(tmp_path / "masks" / f"{i}.png", (1, 1, 9, 9), size=(41, 30) if i == 1 else (40, 30))
    (tmp_path / "images" / "2.png").write_bytes(b"no image")
    (tmp_path / "masks" / "3.png").write_bytes(b"no mask")
    (tmp_path / "masks" / "4.png").unlink()
    save_mask(tmp_path / "masks" / "9.png", (1, 1, 9, 9))
    save_image(tmp_path.parent / f"{tmp_path.name}-outside.png")
    (tmp_path / "images" / "5.png").unlink()
    (tmp_path / "images" / "5.png").symlink_to(tmp_path.parent / f"{tmp_path.name}-outside.png")
    manifest, problems = prepared(tmp_path)
    assert list(boxes(manifest)) == ["images/0"]
    patterns = [r"1\.png: this mask is 41x30", r"2\.png: this image does not", r"3\.png: this mask", "5.png leaves the"]
    assert all(re.search(p, e) for p, e in zip(patterns, problems.errors, strict=True))
    assert quirks(problems) == {
        "images left out for an error": 4,
        "images without a mask, left out": 1,
        "masks without an image": 1,
    }


def test_what_other_tools_did_is_cut_counted_or_refused(tmp_path):
    for name in ("cut", "far", "size", "good", "unlabelled"):
        save_image(tmp_path / "images" / f"{name}.jpg")
    turned = Image.new("RGB", (40, 30))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "images" / "good.jpg", exif=exif)
    for name, content in {
        "cut": voc(("a", -0.5, 2, 40.8, 30)),
        "far": voc(("a", 1, 2, 42, 30)),
        "size": voc(("a", 1, 2, 20, 30), size="<size><width>30</width><height>40</height></size>"),
        "good": voc(("a", 1, 2, 3, 4), ("b", 5, 6, 7, 8)),
        "nobody": voc(),
    }.items():
        (tmp_path / f"{name}.xml").write_text(content)
    manifest, problems = prepared(tmp_path, only=("a",))
    assert boxes(manifest) == {"images/cut": [[0, 2, 40, 30]], "images/good": [[1, 2, 3, 4]]}
    far, size = problems.errors
    assert re.search(r"far\.xml: the box 1,2,42,30 reaches beyond its image of 40x30 px", far)
    assert re.search(r"size\.xml: was drawn on 30x40 px, its image .*size\.jpg has 40x30", size)
    assert quirks(problems) == {
        "annotations without an image": 1,
        "boxes of other classes, left out": 1,
        "boxes up to 1 px beyond their image, cut": 1,
        "images left out for an error": 2,
        "images that EXIF would turn, taken as stored": 1,
        "images without an annotation, left out": 1,
    }


def test_a_label_file_never_goes_to_the_image_of_another_folder(tmp_path):
    for folder in ("train", "test"):
        save_image(tmp_path / "images" / folder / "1.jpg")
    save_image(tmp_path / "images" / "train" / "2.jpg")
    for name in ("train/1", "test/1", "test/2"):
        path = tmp_path / "labels" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0 0.5 0.5 0.5 0.5")
    manifest, problems = prepared(tmp_path)
    assert {row.id: (row.split, len(row.boxes)) for row in manifest.rows} == {
        "images/test/1": ("test", 1),
        "images/train/1": ("train", 1),
        "images/train/2": ("train", 0),
    }
    assert quirks(problems) == {
        "annotations without an image": 1,
        "images without a label file, taken as without a target": 1,
    }


def test_a_label_file_that_fits_two_images_is_an_error(tmp_path):
    for folder in ("a", "b"):
        save_image(tmp_path / folder / "1.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "1.txt").write_text("0 0.5 0.5 0.5 0.5")
    manifest, problems = prepared(tmp_path)
    assert re.search(r"labels/1\.txt: fits 2 images", problems.errors[0])
    assert manifest.rows == ()  # neither is taken as without a target


def test_label_files_may_lie_elsewhere_and_masks_and_images_may_not(tmp_path, capsys):
    root, elsewhere = tmp_path / "own", tmp_path / "labels"
    save_image(root / "1.jpg")
    save_mask(elsewhere / "1.png", (1, 1, 9, 9))
    (elsewhere / "1.xml").write_text(voc(("a", 1, 2, 3, 4)))
    manifest, problems = prepared(root, "voc", annotations=elsewhere)
    assert (boxes(manifest), problems.errors) == ({"1": [[1, 2, 3, 4]]}, [])
    _, problems = prepared(root, "masks", annotations=elsewhere)
    assert re.search(r"labels/1\.png leaves the data folder", problems.errors[0])
    assert main(["prepare", str(root), "--images", str(elsewhere), "--target", "nodule"]) == 2
    assert "must lie in the data folder" in capsys.readouterr().err


def test_check_opens_nothing_outside_the_data_folder(tmp_path, capsys, monkeypatch):
    root = tmp_path / "own"
    masks_of_own(root)
    main(["prepare", str(root), "--target", "nodule", "--cache", str(tmp_path / "c")])
    save_image(tmp_path / "secret.png", (40, 30))
    path = root / "manifest.jsonl"
    path.write_text(path.read_text().replace("images/p0_0.png", "../secret.png"))
    opened = []
    monkeypatch.setattr("PIL.Image.open", lambda path, *more, **named: opened.append(path) or Image.new("L", (40, 30)))
    assert main(["check", str(path), "--decode"]) == 1
    assert "manifest.jsonl line 2: ../secret.png leaves the data folder" in capsys.readouterr().err
    assert opened
    assert not any("secret" in str(each) for each in opened)


def test_groups_by_pattern_and_by_table(tmp_path):
    for name in ("13_1", "13_2", "14_1"):
        save_image(tmp_path / f"{name}.png")
        save_mask(tmp_path / f"{name}_mask.png", (1, 1, 9, 9))
    by_pattern, _ = prepared(tmp_path, wishes=Wishes(target="nodule", group=re.compile(r"^(\d+)_")))
    assert [row.group for row in by_pattern.rows] == ["13", "13", "14"]
    table = tmp_path / "patients.tsv"
    table.write_text(
        "file\tgroup\tlabel\tsplit\n13_1.png\tp1\tbenign\ttrain\n13_2\tp1\t\tval\n14_1\tp2\t\tTest\nx\ty\t\t\n"
    )
    by_table, problems = prepared(tmp_path, wishes=Wishes(target="nodule", table=table))
    assert [(row.group, row.label, row.split) for row in by_table.rows] == [
        ("p1", "benign", "train"),
        ("p1", "", "validation"),
        ("p2", "", "test"),
    ]
    assert quirks(problems) == {"rows of the table without an image": 1}
    with pytest.raises(ValueError, match="is nowhere in the id 13_1"):
        prepared(tmp_path, wishes=Wishes(target="nodule", group=re.compile("x(.)")))


NAMES = ["p01_1", "p01_2", "p01_1_left", "p01_3_right", "p02_1", "p02_2_left"]


@pytest.mark.parametrize("folder", ["", "images/", "my_images/of_2020/"])
def test_the_documented_pattern_gives_the_patient_whatever_follows_the_name(tmp_path, folder):
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    pattern = re.compile(re.search(r"--group '([^']*)'", text)[1])
    for name in NAMES:
        save_image(tmp_path / f"{folder}{name}.png")
        save_mask(tmp_path / "masks" / f"{folder}{name}.png", (1, 1, 9, 9))
    manifest, problems = prepared(tmp_path, wishes=Wishes(target="nodule", group=pattern))
    assert problems.errors == []
    assert {row.id.rpartition("/")[2]: row.group for row in manifest.rows} == {name: name[:3] for name in NAMES}
    assert group_warning(manifest.rows, pattern.pattern) == ""


@pytest.mark.parametrize("pattern", ["([^/]*)_", "(.*)", r"(p\d+_\d+)"])
def test_a_pattern_that_leaves_every_image_alone_is_doubted(tmp_path, capsys, pattern):
    for i in range(6):
        save_image(tmp_path / "images" / f"p{i // 2}_{i}_left.png")
        save_mask(tmp_path / "masks" / f"p{i // 2}_{i}_left.png", (1, 1, 9, 9))
    command = ["prepare", str(tmp_path), "--target", "nodule", "--cache", str(tmp_path / "c"), "--group"]
    assert main([*command, pattern]) == 0
    assert re.search(
        r"warning: with --group .*, 6 of 6 images are the only one of their group", capsys.readouterr().err
    )
    assert main([*command, r"(p\d+)_"]) == 0
    assert capsys.readouterr().err == ""


def row(name, **values):
    return ManifestRow(name, name, 40, 30, (Box(0, 0, 1, 1),), **{"group": name, **values})


def test_leaks_are_shared_groups_and_equal_files_under_two_names(tmp_path):
    for name, content in {"a": b"12", "b": b"34", "c": b"12", "d": b"567", "e": b"34"}.items():
        (tmp_path / name).write_bytes(content)
    rows = [
        row("a", split="train", group="p1"),
        row("b", split="train", group="p2"),
        row("c", split="test", group="p1"),
        row("d", split="test", group="p3"),
        row("e", split="train", group="p4"),
    ]
    assert shared_groups(rows) == {"p1": 1}
    assert twins(tmp_path, rows) == [[("a", "train"), ("c", "test")], [("b", "train"), ("e", "train")]]
    said = list(statement(Manifest(Header("own", "nodule"), tuple(rows)), tmp_path, Problems()))
    assert "1 of 2 test images (50.0 %) share a group with training: p1" in said
    assert "2 images under several names, 1 of them in several parts" in said


def test_table_5_counts_images_by_class_and_part():
    rows = [row("a", label="nv", split="train"), row("b", label="nv", split="test"), row("c", split="train")]
    assert counts(rows) == [
        ["class", "train", "test"],
        ["(no class)", "1", "0"],
        ["nv", "1", "1"],
        ["total", "2", "1"],
    ]


def masks_of_own(root: Path) -> None:
    for i in range(10):
        save_image(root / "images" / f"p{i // 2}_{i}.png", (40, 30 + i))
        boxes = [] if i == 9 else [(1, 1, 9, 9), (20, 10, 30, 25)][: 1 + (i == 8)]
        save_mask(root / "masks" / f"p{i // 2}_{i}.png", *boxes, size=(40, 30 + i))


def test_the_commands_on_a_folder_of_masks(tmp_path, capsys, monkeypatch):
    masks_of_own(tmp_path / "own")
    path = tmp_path / "own" / "manifest.jsonl"
    assert main(["prepare", str(tmp_path / "own"), "--target", "nodule", "--cache", str(tmp_path / "c")]) == 0
    said = capsys.readouterr().out
    assert "own (real): 10 images, 10 boxes of the nodule" in said
    assert "1 images without a target (kept, not trained on), 1 with several boxes" in said
    assert f"dataset.manifest={path}" in said
    assert json.loads(path.read_text().splitlines()[0])["root"] == "."
    assert main(["check", str(path), "--decode"]) == 0
    assert "no lesion or patient is named" in capsys.readouterr().out
    assert main(["show", str(path), "--count", "4"]) == 0
    sheet = Image.open(path.with_suffix(".png"))  # tiles are 5 times the first image of 40 x 30 px
    assert [sheet.getpixel(place) for place in ((5, 5), (45, 45), (25, 5))] == [(0, 255, 0)] * 3
    assert sheet.getpixel((25, 25)) != (0, 255, 0)
    image = path.parent / json.loads(path.read_text().splitlines()[1])["image"]
    phantoms = [replace(example(f"p{i}"), image=image) for i in range(9)]
    monkeypatch.setattr("medloc.data.__main__._phantoms", lambda name: phantoms)
    assert main(["show", str(path), "--count", "8", "--beside", "heel"]) == 0
    assert "the first 6 tiles are of the manifest, the other 6 are phantoms of heel" in capsys.readouterr().out
    assert Image.open(path.with_suffix(".png")).size == (6 * 204, 2 * 174)
    assert main(["export", str(path), "--to", "coco", "--out", str(tmp_path / "coco.json")]) == 0
    assert main(["export", str(path), "--to", "vlm_r1", "--out", str(tmp_path / "v.jsonl"), "--inclusive"]) == 0
    assert "left out: 1 images without a target" in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text().splitlines()]
    assert lines[0]["conversations"][1]["value"] == "[1, 1, 8, 8]"
    assert lines[0]["conversations"][0]["value"].startswith("<image>Identify the image and provide the bounding box")
    assert json.loads(lines[8]["conversations"][1]["value"])[1] == {"bbox_2d": [20, 10, 29, 24], "label": "nodule"}


def test_what_is_exported_as_coco_is_read_again(tmp_path, capsys):
    root = tmp_path / "own"
    masks_of_own(root)
    assert main(["prepare", str(root), "--target", "nodule", "--cache", str(tmp_path / "c")]) == 0
    assert main(["export", str(root / "manifest.jsonl"), "--to", "coco", "--out", str(root / "coco.json")]) == 0
    again, problems = prepared(root, "coco")
    assert problems.errors == []
    assert boxes(again) == boxes(read_manifest(root / "manifest.jsonl", Problems()))


def test_errors_end_with_1_and_nothing_is_written_unless_asked_for(tmp_path, capsys):
    masks_of_own(tmp_path)
    for i in (3, 5):
        (tmp_path / "images" / f"p{i // 2}_{i}.png").write_bytes(b"torn")
    command = ["prepare", str(tmp_path), "--target", "nodule", "--cache", str(tmp_path / "c")]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.count("this image does not open") == 2
    assert "2 errors" in said
    assert not (tmp_path / "manifest.jsonl").exists()
    assert main([*command, "--leave-out"]) == 1
    assert len(read_manifest(tmp_path / "manifest.jsonl", Problems()).rows) == 8


def test_check_names_every_line_whose_image_changed(tmp_path, capsys):
    masks_of_own(tmp_path)
    main(["prepare", str(tmp_path), "--target", "nodule", "--cache", str(tmp_path / "c")])
    save_image(tmp_path / "images" / "p1_3.png", (50, 50))
    (tmp_path / "images" / "p2_4.png").unlink()
    png = tmp_path / "images" / "p3_7.png"
    png.write_bytes(png.read_bytes()[:-30])
    assert main(["check", str(tmp_path / "manifest.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "manifest.jsonl line 5: images/p1_3.png has 50x50 px, the manifest says 40x33" in said
    assert "manifest.jsonl line 6: images/p2_4.png: no such file" in said
    assert "p3_7" not in said
    assert main(["check", str(tmp_path / "manifest.jsonl"), "--decode"]) == 1
    assert "p3_7.png: this image does not open" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "nowhere"], "nowhere is not a folder; the data folder must be one."),
        (["prepare", "."], "holds no boxes that are known"),
        (["check", "none.jsonl"], "none.jsonl: no such manifest"),
        (["prepare", ".", "--kind", "masks"], "--target says what is looked for"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    save_image(tmp_path / "1.jpg")
    assert main([*arguments, *(["--cache", "c"] if arguments[0] == "prepare" else [])]) == 2
    said = capsys.readouterr().err
    assert said.startswith("medloc.data: ")
    assert message in said
    assert said.count("\n") == 1


def test_phantoms_stay_phantoms(tmp_path):
    ham(tmp_path / "main", 4)
    (tmp_path / "SYNTHETIC.txt").write_text("Phantoms drawn by medloc.")
    assert prepared(tmp_path / "main")[0].header.origin == "phantom"
