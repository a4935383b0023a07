"""Golden values on real files; they run where MEDLOC_DATA names the folder that holds them."""

import csv
import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from medloc.data import load_dataset
from medloc.data.example import Coding
from medloc.data.files import Problems
from medloc.data.formats.masks import Mask, choose_boxes, read_mask
from medloc.data.manifest import Manifest, write_manifest
from medloc.data.prepare import Wishes, prepare, twins
from medloc.data.rows import Source
from tests.data.helpers import dataset_settings, read_ham10000

ROOT = Path(os.environ.get("MEDLOC_DATA", ""))
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("MEDLOC_DATA" not in os.environ, reason="MEDLOC_DATA does not name a folder of real data"),
]


def existing(name: str) -> Path:
    if not (ROOT / name).is_dir():
        pytest.skip(f"MEDLOC_DATA holds no {name}")
    return ROOT / name


def test_ham10000_boxes_are_golden_and_rows_without_image_counted():
    root = existing("HAM10000")
    with (root / "_all_10015_boxes_from_masks.csv").open(newline="") as file:
        golden = {r["image_id"]: [float(r[k]) for k in ("x0", "y0", "x1", "y1")] for r in csv.DictReader(file)}
    examples, notes = read_ham10000(root, "union")
    assert len(examples) == 100
    assert all(example.box.as_list() == golden[example.id] for example in examples)
    modes = [Image.open(p).mode for p in (root / "HAM10000_segmentations_lesion_tschandl").iterdir()]
    assert modes.count("P") > 0
    assert notes == ("ham10000: left out 9915 metadata rows without an image.",)


def test_ham10000_loads_end_to_end(tmp_path):
    loaded = load_dataset(dataset_settings("ham10000", existing("HAM10000")), tmp_path)
    assert (len(loaded.train), len(loaded.test)) == (80, 20)
    assert loaded.origin == "real: HAM10000"


@pytest.mark.parametrize(
    ("file", "inclusive"),
    [
        ("0001.jpg", [399, 133, 688, 397]),
        ("0456.jpg", [200, 78, 239, 110]),
        ("0550.jpg", [299, 68, 342, 101]),
    ],
)
def test_tn3k_boxes_printed_in_the_paper(file, inclusive):
    (box,) = choose_boxes(read_mask(existing("TN3K_official_partial") / "test-mask" / file), "single")
    assert [box.x0, box.y0, box.x1 - 1, box.y1 - 1] == inclusive


def test_tn3k_has_544_single_nodule_test_masks():
    paths = sorted((existing("TN3K_official_partial") / "test-mask").glob("*.jpg"))
    masks = [read_mask(path, Coding(known=True)) for path in paths]
    assert [read_mask(path) for path in paths[::12]] == masks[::12]  # none of them raises a doubt
    counts = [len(mask.boxes) for mask in masks]
    assert [counts.count(n) for n in (1, 2, 3, 4)] == [544, 65, 4, 1]


def test_tn3k_partial_release_fails_clearly(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder trainval-mask"):
        load_dataset(dataset_settings("tn3k", existing("TN3K_official_partial")), tmp_path)


def test_substitute_in_tn3k_layout_loads(tmp_path):
    root = existing("TN3K_LAYOUT_FROM_DDTI")
    loaded = load_dataset(dataset_settings("tn3k", root, boxes="largest"), tmp_path)
    assert (len(loaded.train), len(loaded.test)) == (120, 40)
    single = load_dataset(dataset_settings("tn3k", root, boxes="single"), tmp_path)
    assert len(single.train) < 120


def test_heel_substitute_reads_a_table_with_other_column_names(tmp_path):
    sidecar = "calcaneus_boxes_EYEBALLED_NOT_GROUND_TRUTH.csv"
    root = existing("FracAtlas_HEEL_SUBSTITUTE")
    loaded = load_dataset(dataset_settings("heel", root, sidecar=sidecar), tmp_path)
    assert len(loaded.train) + len(loaded.test) == 24
    assert loaded.notes == ("heel: left out 58 images without a box.",)


def prepared(name: str, kind: str = "auto", **wishes) -> tuple[Manifest, Problems]:
    problems = Problems()
    manifest = prepare(Source(existing(name).resolve(), kind), Wishes(**wishes), read_mask, problems)
    assert problems.errors == []
    return manifest, problems


def test_ham10000_through_a_manifest_is_what_its_loader_reads(tmp_path):
    manifest, problems = prepared("HAM10000")
    examples, _ = read_ham10000(existing("HAM10000"), "union")
    assert problems.quirks["metadata rows without an image"] == 9915
    assert problems.quirks["masks with a palette"] == 59
    write_manifest(tmp_path / "m.jsonl", manifest)
    settings = dataset_settings("manifest", None, manifest=str(tmp_path / "m.jsonl"))
    loaded = load_dataset(settings, tmp_path)
    direct = load_dataset(dataset_settings("ham10000", existing("HAM10000")), tmp_path)
    ids = [(e.id, e.box, e.group, e.label) for e in (*loaded.train, *loaded.test)]
    assert sorted(ids) == sorted((e.id, e.box, e.group, e.label) for e in examples)
    assert [e.id for e in loaded.test] == [e.id for e in direct.test]
    assert direct.fingerprint == "801d11c28c208cbb"  # of the 100 pairs, as long as nobody touches them or the reading


def test_fracatlas_voc_and_yolo_boxes_agree_within_rounding():
    by_kind = {kind: prepared("FracAtlas_HEEL_SUBSTITUTE", kind, target="fracture")[0] for kind in ("voc", "yolo")}
    with (existing("FracAtlas_HEEL_SUBSTITUTE") / "_manifest.csv").open(newline="") as file:
        golden = {row["image_id"]: json.loads(row["fracture_boxes"] or "[]") for row in csv.DictReader(file)}
    assert len(golden) == 82
    for voc, yolo in zip(*(manifest.rows for manifest in by_kind.values()), strict=True):
        assert voc.id == yolo.id
        expected = sorted(golden[Path(voc.image).stem])
        assert sorted(box.as_list() for box in voc.boxes) == expected
        near = 0.75e-4 * max(voc.width, voc.height)  # YOLO's centre and half the side have four decimals
        for one, other in zip(voc.boxes, yolo.boxes, strict=True):  # VOC's corners are cut to whole px
            apart = [b - a for a, b in zip(one.as_list(), other.as_list(), strict=True)]
            assert -near <= min(apart)
            assert max(apart) <= 1 + near
    assert [sum(map(bool, (row.boxes for row in manifest.rows))) for manifest in by_kind.values()] == [50, 50]


def test_fracatlas_table_of_eyeballed_boxes():
    manifest, problems = prepared("FracAtlas_HEEL_SUBSTITUTE", "csv", target="calcaneus")
    assert [len(row.boxes) for row in manifest.rows] == [1] * 24
    assert problems.quirks["images without an annotation, left out"] == 58


def test_tn3k_layout_is_divided_as_it_comes_and_its_twin_found():
    manifest, _ = prepared("TN3K_LAYOUT_FROM_DDTI")
    root = existing("TN3K_LAYOUT_FROM_DDTI")
    with (root / "_manifest.csv").open(newline="") as file:
        golden = {f"{r['split']}/{Path(r['tn3k_name']).stem}": r["jpeg_box"].split() for r in csv.DictReader(file)}
    for row in manifest.rows:
        (box,) = choose_boxes(Mask(row.width, row.height, row.boxes, row.areas), "union")
        assert box.as_list() == list(map(float, golden.pop(row.id, box.as_list())))
    assert not golden  # its table has 100 of the 160
    assert [row.split for row in manifest.rows] == ["train"] * 120 + ["test"] * 40
    assert twins(root, manifest.rows) == [[("trainval-image/0101.jpg", "train"), ("test-image/0022.jpg", "test")]]


def test_ddti_by_patient():
    manifest, _ = prepared("DDTI", target="thyroid nodule", group=re.compile(r"^images/(\d+)_"))
    assert len(manifest.rows) == 160
    assert len({row.group for row in manifest.rows}) == 131
    with (existing("DDTI") / "_manifest.csv").open(newline="") as file:
        golden = {
            f"images/{r['ddti_id']}": [float(r[k]) for k in ("x0", "y0", "x1", "y1")] for r in csv.DictReader(file)
        }
    for row in manifest.rows:
        box = choose_boxes(Mask(row.width, row.height, row.boxes, row.areas), "union")
        assert [each.as_list() for each in box] == [golden[row.id]]
