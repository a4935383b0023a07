import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medloc.data import load_dataset
from medloc.data.box_baselines import best_constant_box, constant_box_ious, median_box, normalised
from medloc.data.images import boxes_sheet
from medloc.data.phantoms import PhantomRoots, dermoscopy, ultrasound, xray
from medloc.data.phantoms.pen import in_one_piece, outline, shrunk
from medloc.data.sets import SETS
from medloc.spec.dataset import PhantomSettings
from tests.data.helpers import TINY, dataset_settings

NAMES = ("ham10000", "tn3k", "heel")
HUNDREDS = PhantomSettings(train=96, test=24, calibration=2, seed=7)


@pytest.fixture(scope="module")
def hundreds(tmp_path_factory):
    cache = tmp_path_factory.mktemp("hundreds")
    return {name: load_dataset(dataset_settings(name, phantom=HUNDREDS), cache) for name in NAMES}


def content(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", NAMES)
def test_two_caches_hold_the_same_bytes(tiny, tmp_path, name):
    first = SETS[name].phantoms.roots(PhantomSettings(**TINY), tiny).main.parent
    second = SETS[name].phantoms.roots(PhantomSettings(**TINY), tmp_path).main.parent
    assert content(first) == content(second)
    assert first.name == second.name


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_exact_and_the_parts_share_nothing(tiny, name):
    loaded = load_dataset(dataset_settings(name), tiny)
    assert (len(loaded.train), len(loaded.test), len(loaded.calibration)) == (24, 12, 8)
    images = [hashlib.sha256(e.image.read_bytes()).hexdigest() for e in loaded.train + loaded.test + loaded.calibration]
    assert len(set(images)) == 44
    assert (loaded.synthetic, loaded.origin) == (True, "phantom")


@pytest.mark.parametrize("name", NAMES)
def test_boxes_lie_inside_images_that_open(tiny, name):
    loaded = load_dataset(dataset_settings(name), tiny)
    for example in loaded.train + loaded.calibration:
        with Image.open(example.image) as image:
            image.load()
            assert image.size == (example.width, example.height)
            assert image.mode == ("RGB" if name == "ham10000" else "L")
        assert 0 <= example.box.x0 < example.box.x1 <= example.width
        assert 0 <= example.box.y0 < example.box.y1 <= example.height


def test_an_image_does_not_depend_on_how_many_there_are(tiny, tmp_path):
    more = SETS["tn3k"].phantoms.roots(PhantomSettings(24, 12, 9, 7), tmp_path).calibration
    fewer = SETS["tn3k"].phantoms.roots(PhantomSettings(**TINY), tiny).calibration
    assert set(content(fewer / "trainval-image").values()) <= set(content(more / "trainval-image").values())


def test_another_seed_or_dial_is_another_folder():
    settings = PhantomSettings(**TINY)
    name = ultrasound.PHANTOMS.folder_name(settings)
    assert name != ultrasound.PHANTOMS.folder_name(dataclasses.replace(settings, seed=8))
    harder = dataclasses.replace(ultrasound.PHANTOMS, dials=dataclasses.replace(ultrasound.DIALS, lean=0.1))
    assert name != harder.folder_name(settings)


def test_the_folder_of_a_killed_run_is_ignored(tmp_path, tiny):
    (tmp_path / ".heel-killed" / "main").mkdir(parents=True)
    (tmp_path / ".heel-killed" / "main" / "boxes.csv").write_text("half")
    assert len(load_dataset(dataset_settings("heel"), tmp_path).train) == 24


def test_what_a_killed_run_left_is_removed(tmp_path, monkeypatch):
    settings = PhantomSettings(**TINY)
    scratch = tmp_path / f".{xray.PHANTOMS.folder_name(settings)}.tmp"
    scratch.mkdir()
    (scratch / "half.jpg").write_text("half")
    SETS["heel"].phantoms.roots(settings, tmp_path)
    assert not scratch.exists()
    assert not list(tmp_path.rglob("half.jpg"))


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(xray, "draw", lambda rng, label: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        SETS["heel"].phantoms.roots(PhantomSettings(**TINY), tmp_path)
    assert not any(path.is_dir() for path in tmp_path.iterdir())


def test_a_faster_process_wins(tmp_path, tiny, monkeypatch):
    rival = SETS["heel"].phantoms.roots(PhantomSettings(**TINY), tiny).main.parent
    target = tmp_path / rival.name
    slow = xray.draw

    def overtaken(rng, label):
        if not target.exists():
            (target / "main").mkdir(parents=True)
        return slow(rng, label)

    monkeypatch.setattr(xray, "draw", overtaken)
    assert SETS["heel"].phantoms.roots(PhantomSettings(**TINY), tmp_path) == PhantomRoots(
        target / "main", target / "calibration"
    )
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [rival.name]


def test_ham_layout(hundreds, tmp_path):
    root = hundreds["ham10000"].train[0].image.parents[1]
    assert {p.name for p in root.iterdir()} == {
        "HAM10000_images_part_1", "HAM10000_images_part_2", "HAM10000_segmentations_lesion_tschandl",
        "HAM10000_metadata.csv",
    }  # fmt: skip
    modes = [Image.open(p).mode for p in (root / "HAM10000_segmentations_lesion_tschandl").iterdir()]
    assert 0 < modes.count("P") < 0.1 * len(modes)
    groups = [e.group for e in hundreds["ham10000"].train + hundreds["ham10000"].test]
    shared = sum(groups.count(g) > 1 for g in groups) / len(groups)
    assert 0.3 < shared < 0.6  # 4,501 of 10,015 images


def test_tn3k_layout(hundreds):
    root = hundreds["tn3k"].test[0].image.parents[1]
    images = sorted(p.name for p in (root / "test-image").iterdir())
    assert images == [f"{i:04d}.jpg" for i in range(24 + 3)]  # 24 x 70 / 544 = 3.1 with several nodules
    assert images == sorted(p.name for p in (root / "test-mask").iterdir())
    assert hundreds["tn3k"].notes[1].startswith("tn3k test: left out 3 images with several boxes")
    assert {e.label for e in hundreds["tn3k"].train} == {"benign", "malignant"}


def test_heel_layout(hundreds):
    labels = [e.label for e in hundreds["heel"].test]
    # 56, 40, 24 in all; 96 are trained on: 44.8, 32, 19.2 -> 45, 32, 19
    assert [labels.count(c) for c in xray.CLASSES] == [11, 8, 5]
    assert hundreds["heel"].test[0].image.parents[1].name == "all_category"


def test_statistics_follow_the_real_sets(hundreds):
    ham, tn3k, heel = (normalised(hundreds[name].train) for name in NAMES)
    ln_area = {
        name: np.log(np.prod(b[:, 2:] - b[:, :2], axis=1)) for name, b in zip(NAMES, (ham, tn3k, heel), strict=True)
    }
    assert ln_area["ham10000"].mean() == pytest.approx(-1.296, abs=0.2)
    assert ln_area["tn3k"].mean() == pytest.approx(-2.49, abs=0.25)
    assert np.exp(ln_area["heel"]).min() > 0.025
    assert np.exp(ln_area["heel"]).max() < 0.16
    assert (tn3k[:, 1] + tn3k[:, 3]).mean() / 2 == pytest.approx(0.366, abs=0.03)
    aspects = [np.log(e.box.width / e.box.height) for e in hundreds["tn3k"].train]
    assert np.mean(aspects) == pytest.approx(0.287, abs=0.08)


def test_constant_boxes_score_as_on_the_real_sets(hundreds):
    for name, (low, high) in {"ham10000": (0.45, 0.70), "tn3k": (0.10, 0.35), "heel": (0.02, 0.25)}.items():
        train = hundreds[name].train
        best, median = (_hits(box, train) for box in (best_constant_box(train), median_box(train)))
        print(f"{name}: A@0.5 of the best constant box {best:.3f}, of the median box {median:.3f}")
        assert low < best < high
        assert median <= best


def _hits(box, examples):
    return np.mean(np.array(constant_box_ious(box, examples)) >= 0.5)


def test_the_core_is_smaller_and_inside():
    rng = np.random.default_rng(0)
    truth = 50 * outline(rng, 0.1)
    core = shrunk(truth, 2.0, np.array([1.0, -1.0]))
    assert np.ptp(core, axis=0) == pytest.approx([25, 25])
    assert core.max(axis=0)[0] == pytest.approx(truth.max(axis=0)[0])  # leaning fully right
    assert core.min(axis=0)[1] == pytest.approx(truth.min(axis=0)[1])  # and fully up


def test_one_lesion_photographed_twice_differs_only_in_the_view():
    shots = [dermoscopy.draw(np.random.default_rng(5), np.random.default_rng(view)) for view in (1, 2)]
    assert shots[0].label == shots[1].label
    assert not np.array_equal(shots[0].mask, shots[1].mask)
    assert shots[0].mask.sum() / shots[1].mask.sum() == pytest.approx(1, abs=0.3)


def test_nodules_stay_apart():
    for seed in range(6):
        assert in_one_piece(ultrasound.draw(np.random.default_rng(seed)).mask)
        assert not in_one_piece(ultrasound.draw(np.random.default_rng(seed), nodules=3).mask)


def test_a_sheet_has_a_tile_an_image_and_its_boxes(hundreds, tmp_path):
    shown = [(one.image, (one.box,)) for one in hundreds["heel"].test[:7]]
    boxes_sheet(shown, tmp_path / "sheet.png", columns=3)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 204, 3 * 174)
        assert (0, 255, 0) in set(sheet.get_flattened_data())
