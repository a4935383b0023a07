from pathlib import Path

import pytest

from medloc.boxes import Box
from medloc.data import load_dataset
from medloc.data.formats.masks import MaskCache, read_mask
from tests.data.helpers import dataset_settings, read_ham10000, read_heel, read_tn3k, save_image, save_mask

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"


def ham(root: Path, count: int = 5, parts: tuple[str, str] = ("HAM10000_images_part_1", "ham10000_images_part_2")):
    rows = [HEADER]
    for i in range(count):
        name = f"ISIC_{24306 + i:07d}"
        save_image(root / parts[i % 2] / f"{name}.jpg")
        save_mask(root / "masks" / f"{name}_segmentation.png", (5 + i, 6, 20, 25))
        rows.append(f"HAM_{i // 2},{name},nv,histo,80.0,male,scalp")
    (root / "HAM10000_metadata.csv").write_text("\n".join(rows))


def tn3k(root: Path):
    for part, numbers in (("trainval", (0, 2, 10)), ("test", (0, 1))):
        for i in numbers:
            save_image(root / f"{part}-image" / f"{i}.jpg")
            save_mask(root / f"{part}-mask" / f"{i}.jpg", (8, 8, 24, 20))
    (root / "label4test.csv").write_text("\ufeff0.jpg,0\n1.jpg,1\n", encoding="utf-8")


def heel(
    root: Path,
    table: str | None = "file,xmin,ymin,xmax,ymax\nnormal/1.jpg,1,2,20,30\nsever/1.jpg,0,0,40,30\n",
):
    for label in ("normal", "sever", "heelspur"):
        save_image(root / "all_category" / "all_category" / label / "1.jpg")
    if table is not None:
        (root / "boxes.csv").write_text(table)


def test_ham10000_joins_image_mask_and_row(tmp_path):
    ham(tmp_path, 3)
    examples, notes = read_ham10000(tmp_path, "union")
    assert [e.id for e in examples] == ["ISIC_0024306", "ISIC_0024307", "ISIC_0024308"]
    assert [e.group for e in examples] == ["HAM_0", "HAM_0", "HAM_1"]
    assert (examples[1].box, examples[1].label, examples[1].width, examples[1].height) == (
        Box(6, 6, 20, 25),
        "nv",
        40,
        30,
    )
    assert notes == ()


@pytest.mark.parametrize(("name", "delimiter"), [("HAM10000_metadata", "\t"), ("HAM10000_metadata.tab", ",")])
def test_ham10000_metadata_has_three_names_and_two_delimiters(tmp_path, name, delimiter):
    ham(tmp_path, 2)
    table = tmp_path / "HAM10000_metadata.csv"
    (tmp_path / name).write_text("\ufeff" + table.read_text().replace(",", delimiter), encoding="utf-8")
    table.unlink()
    assert [e.group for e in read_ham10000(tmp_path, "union")[0]] == ["HAM_0", "HAM_0"]


def test_ham10000_doubled_and_nested_folders_count_once(tmp_path):
    ham(tmp_path / "archive", 4)
    ham(tmp_path / "archive" / "archive", 4, ("HAM10000_IMAGES_PART_1", "HAM10000_images_part_2"))
    save_image(tmp_path / "__MACOSX" / "ISIC_0099999.jpg")
    (tmp_path / "archive" / "._ISIC_0024306.jpg").write_bytes(b"x")
    assert len(read_ham10000(tmp_path, "union")[0]) == 4


def test_what_has_no_partner_or_an_empty_mask_is_counted_in_one_line(tmp_path):
    ham(tmp_path, 4)
    (tmp_path / "HAM10000_images_part_1" / "ISIC_0024306.jpg").unlink()
    (tmp_path / "masks" / "ISIC_0024307_segmentation.png").unlink()
    save_mask(tmp_path / "masks" / "ISIC_0024308_segmentation.png")
    examples, notes = read_ham10000(tmp_path, "union")
    assert [e.id for e in examples] == ["ISIC_0024309"]
    assert notes == (
        "ham10000: left out 1 images without a mask, 1 images without a target, 1 masks without an image, "
        "1 metadata rows without an image.",
    )


def test_full_frame_mask_is_kept(tmp_path):
    ham(tmp_path, 1)
    save_mask(tmp_path / "masks" / "ISIC_0024306_segmentation.png", (0, 0, 40, 30))
    assert read_ham10000(tmp_path, "union")[0][0].box == Box(0, 0, 40, 30)


def test_mask_of_another_size_names_both_files(tmp_path):
    ham(tmp_path, 1)
    save_mask(tmp_path / "masks" / "ISIC_0024306_segmentation.png", (1, 1, 9, 9), size=(41, 30))
    with pytest.raises(ValueError, match=r"ISIC_0024306_segmentation\.png.*41x30.*ISIC_0024306\.jpg is 40x30"):
        read_ham10000(tmp_path, "union")


def test_image_that_does_not_open_is_named(tmp_path):
    ham(tmp_path, 1)
    (tmp_path / "HAM10000_images_part_1" / "ISIC_0024306.jpg").write_bytes(b"not a jpeg")
    with pytest.raises(ValueError, match=r"ISIC_0024306\.jpg: this image does not open"):
        read_ham10000(tmp_path, "union")


def test_tn3k_reads_jpeg_masks_sorted_by_number_with_labels(tmp_path):
    tn3k(tmp_path / "Thyroid Dataset" / "tn3k")
    train, _ = read_tn3k(tmp_path, "trainval", "single")
    test, _ = read_tn3k(tmp_path, "test", "single")
    assert [e.id for e in train] == ["trainval/0", "trainval/2", "trainval/10"]
    assert [e.box for e in train] == [Box(8, 8, 24, 20)] * 3
    assert [e.label for e in test] == ["benign", "malignant"]
    assert [e.label for e in train] == ["", "", ""]


def test_tn3k_counts_what_single_leaves_out_and_numbers_all(tmp_path):
    tn3k(tmp_path)
    save_mask(tmp_path / "test-mask" / "1.jpg", (1, 1, 12, 12), (20, 15, 36, 28))
    single, notes = read_tn3k(tmp_path, "test", "single")
    assert [e.id for e in single] == ["test/0"]
    assert notes == ("tn3k test: left out 1 images with several boxes (dataset.boxes=single).",)
    every, _ = read_tn3k(tmp_path, "test", "all")
    assert [(e.id, e.group) for e in every] == [
        ("test/0", "test/0"),
        ("test/1#0", "test/1"),
        ("test/1#1", "test/1"),
    ]


def test_tn3k_missing_folder_is_named(tmp_path):
    tn3k(tmp_path)
    for file in (tmp_path / "test-mask").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match="no file in test-image has a mask"):
        read_tn3k(tmp_path, "test", "single")
    (tmp_path / "test-mask").rmdir()
    with pytest.raises(FileNotFoundError, match="no folder test-mask"):
        read_tn3k(tmp_path, "test", "single")


def test_heel_reads_the_table_and_counts_the_rest(tmp_path):
    heel(tmp_path)
    examples, notes = read_heel(tmp_path)
    assert [(e.id, e.label, e.box) for e in examples] == [
        ("normal/1", "normal", Box(1, 2, 20, 30)),
        ("sever/1", "sever", Box(0, 0, 40, 30)),
    ]
    assert notes == ("heel: left out 1 images without a box.",)


def test_heel_without_a_table_says_that_boxes_are_not_public(tmp_path):
    heel(tmp_path, table=None)
    with pytest.raises(FileNotFoundError, match=r"dataset\.sidecar=boxes\.csv.*HEEL's boxes are not public"):
        read_heel(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("normal/1.jpg,20,2,20,30", "is not a box"),
        ("normal/1.jpg,1,2,nan,30", "are not four numbers"),
        ("normal/1.jpg,1,2,,30", "are not four numbers"),
        ("normal/1.jpg,1,2,41,30", "reaches beyond its image"),
        ("1.jpg,1,2,20,30", "fits 3 images"),
    ],
)
def test_heel_bad_rows_are_named(tmp_path, row, message):
    heel(tmp_path, f"file,xmin,ymin,xmax,ymax\n{row}\n")
    with pytest.raises(ValueError, match=rf"boxes\.csv line 2: .*{message}"):
        read_heel(tmp_path)


def test_heel_table_without_a_column_says_which(tmp_path):
    heel(tmp_path, "file,xmin,ymin,xmax\nnormal/1.jpg,1,2,3\n")
    with pytest.raises(ValueError, match=r"boxes\.csv: no column ymax"):
        read_heel(tmp_path)


def test_missing_root_is_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"dataset\.root=.*nowhere is not a folder") as caught:
        load_dataset(dataset_settings("ham10000", tmp_path / "nowhere"), tmp_path / "cache")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ham10000", "tn3k", "heel"])
def test_an_empty_root_is_one_clear_line(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"dataset\.(root|sidecar)="):
        load_dataset(dataset_settings(name, tmp_path / "empty"), tmp_path / "cache")


def test_loaded_real_files_are_labelled_so(tmp_path):
    ham(tmp_path / "mine", 10)
    loaded = load_dataset(dataset_settings("ham10000", tmp_path / "mine"), tmp_path / "cache")
    assert (len(loaded.train), len(loaded.test), loaded.calibration) == (8, 2, ())
    assert (loaded.synthetic, loaded.origin) == (False, "real: mine")
    assert len(loaded.fingerprint) == 16
    assert "dataset.split=paper" in loaded.notes[-1]


def test_the_fingerprint_follows_the_boxes(tmp_path):
    ham(tmp_path / "mine", 10)
    settings = dataset_settings("ham10000", tmp_path / "mine")
    first = load_dataset(settings, tmp_path / "cache").fingerprint
    assert load_dataset(settings, tmp_path / "other_cache").fingerprint == first
    save_mask(tmp_path / "mine" / "masks" / "ISIC_0024306_segmentation.png", (1, 1, 30, 29))
    assert load_dataset(settings, tmp_path / "cache").fingerprint != first


def test_masks_are_read_once_and_again_when_they_change(tmp_path):
    path, reads = tmp_path / "a.png", []

    def counting(file, coding):
        reads.append(file)
        return read_mask(file, coding)

    save_mask(path, (1, 2, 3, 4))
    first = MaskCache(tmp_path, tmp_path / "cache", read=counting)
    assert first(path) == first(path) == read_mask(path)
    first.save()
    assert MaskCache(tmp_path, tmp_path / "cache", read=counting)(path) == read_mask(path)
    assert len(reads) == 1
    save_mask(path, (1, 2, 30, 25), (35, 1, 38, 9))
    assert MaskCache(tmp_path, tmp_path / "cache", read=counting)(path) == read_mask(path)


@pytest.mark.parametrize(
    "damage", ["{", "", "[]", "null", "{}", '{"version": 1}', '{"version": 1, "files": 3}', "\udcff"]
)
def test_a_damaged_memory_of_masks_is_forgotten(tmp_path, damage):
    save_mask(tmp_path / "a.png", (1, 2, 3, 4))
    cache = MaskCache(tmp_path, tmp_path / "cache")
    cache(tmp_path / "a.png")
    cache.save()
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(damage.encode(errors="surrogateescape"))
    assert MaskCache(tmp_path, tmp_path / "cache")(tmp_path / "a.png").boxes == (Box(1, 2, 3, 4),)


def test_a_cache_folder_that_cannot_be_written_costs_time_only(tmp_path):
    save_mask(tmp_path / "a.png", (1, 2, 3, 4))
    (tmp_path / "cache").write_text("a file")
    cache = MaskCache(tmp_path, tmp_path / "cache")
    assert cache(tmp_path / "a.png") == read_mask(tmp_path / "a.png")
    cache.save()
