"""Golden values on real files; they run where MEDLOC_DATA names the folder that holds them."""

import csv
import os
from pathlib import Path

import pytest
from PIL import Image

from medloc.data import load_dataset
from medloc.data.ham10000 import read_ham10000
from medloc.data.mask import choose_boxes, read_mask
from tests.data.helpers import dataset_settings

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
    examples, notes = read_ham10000(root, "union", read_mask)
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
    masks = [read_mask(path) for path in sorted((existing("TN3K_official_partial") / "test-mask").glob("*.jpg"))]
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
