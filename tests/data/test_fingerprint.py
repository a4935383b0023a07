"""The data fingerprint: it follows the content of every file and nothing that moves no result."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from medloc.boxes import Box
from medloc.data import load, load_dataset
from medloc.data.formats import masks
from medloc.data.formats.masks import MaskCache, read_mask
from medloc.data.load import fingerprint
from tests.data.helpers import dataset_settings, example, save_mask
from tests.data.test_loaders import ham

HEAD = {"medloc_manifest": 1, "name": "own", "target": "nodule", "root": "images"}


def pixels(path, seed):
    """Write noise; the files of two seeds have the same size in bytes where the form has no compression."""
    array = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def own_set(folder, suffix=".bmp", **head):
    lines = [{**HEAD, **head}]
    for i, part in enumerate(("train", "train", "test")):
        pixels(folder / "images" / f"{i}{suffix}", i)
        box = {"width": 40, "height": 30, "boxes": [[1, 2, 20, 30]]}
        lines.append({"id": f"{i}", "image": f"{i}{suffix}", **box, "split": part})
    (folder / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return dataset_settings("manifest", None, manifest=str(folder / "m.jsonl"))


def print_of(settings, cache):
    return load_dataset(settings, cache).fingerprint


@pytest.mark.parametrize("number", [0, 2], ids=["training", "test"])
@pytest.mark.parametrize("suffix", [".bmp", ".tif", ".png", ".jpg"])
def test_other_pixels_in_a_file_of_the_same_name_are_other_data(tmp_path, suffix, number):
    settings = own_set(tmp_path, suffix)
    first, path = print_of(settings, tmp_path / "c"), tmp_path / "images" / f"{number}{suffix}"
    before = path.stat()
    pixels(path, 99)
    if suffix in (".bmp", ".tif"):
        assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy that keeps the time of another file does
    assert print_of(settings, tmp_path / "c") != first
    pixels(path, number)
    assert print_of(settings, tmp_path / "c") == first


def test_another_foreground_in_the_same_box_is_other_data(tmp_path):
    ham(tmp_path / "mine", 10)
    settings = dataset_settings("ham10000", tmp_path / "mine")
    first = load_dataset(settings, tmp_path / "c")
    mask = np.zeros((30, 40), np.uint8)
    mask[6:25, 5:20] = 255
    mask[10, 10] = 0
    Image.fromarray(mask).save(tmp_path / "mine" / "masks" / "ISIC_0024306_segmentation.png")
    second = load_dataset(settings, tmp_path / "c")
    assert [e.box for e in second.train] == [e.box for e in first.train]
    assert second.fingerprint != first.fingerprint


CHANGES = [{"id": "z"}, {"box": Box(0, 0, 5, 5)}, {"group": "p"}, {"label": "mel"}, {"width": 99}, {"height": 99}]


@pytest.mark.parametrize("change", CHANGES, ids=[next(iter(change)) for change in CHANGES])
def test_every_field_that_moves_a_result_moves_the_fingerprint(change):
    a, b = example("a"), example("b")
    first = fingerprint({"train": (a,), "test": (b,)}, str)
    assert fingerprint({"train": (replace(a, **change),), "test": (b,)}, str) != first
    assert fingerprint({"train": (a,), "test": (replace(b, **change),)}, str) != first


def test_parts_order_and_question_move_it_too():
    a, b, c = example("a"), example("b"), example("c")
    prints = [
        fingerprint({"train": (a, b), "test": (c,)}, str),
        fingerprint({"train": (b, a), "test": (c,)}, str),
        fingerprint({"train": (a,), "test": (b, c)}, str),
        fingerprint({"train": (a,), "validation": (b,), "test": (c,)}, str),
        fingerprint({"train": (a, b), "test": (c,)}, str, ["nodule", None]),
    ]
    assert len(set(prints)) == 5
    assert fingerprint({"train": (a, b), "test": (c,), "calibration": ()}, str) == prints[0]


def test_names_of_folders_manifests_and_caches_do_not_move_it(tmp_path):
    ham(tmp_path / "mine", 10)
    first = print_of(dataset_settings("ham10000", tmp_path / "mine"), tmp_path / "c")
    (tmp_path / "mine").rename(tmp_path / "yours")
    assert print_of(dataset_settings("ham10000", tmp_path / "yours"), tmp_path / "c") == first
    assert print_of(dataset_settings("ham10000", tmp_path / "yours"), tmp_path / "other") == first

    settings = own_set(tmp_path / "a")
    first = print_of(settings, tmp_path / "c")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b" / "m.jsonl").rename(tmp_path / "b" / "n.jsonl")
    assert print_of(replace(settings, manifest=str(tmp_path / "b" / "n.jsonl")), tmp_path / "c") == first
    assert print_of(own_set(tmp_path / "d", name="another"), tmp_path / "c") == first
    assert print_of(own_set(tmp_path / "e", target="cyst"), tmp_path / "c") != first


def test_every_file_is_hashed_once_as_long_as_it_does_not_change(tmp_path, monkeypatch):
    hashed, honest = [], load.content_hash
    monkeypatch.setattr(load, "content_hash", lambda path: hashed.append(path.name) or honest(path))
    settings = own_set(tmp_path)
    print_of(settings, tmp_path / "c")
    assert sorted(hashed) == ["0.bmp", "1.bmp", "2.bmp"]
    print_of(settings, tmp_path / "c")
    assert len(hashed) == 3
    pixels(tmp_path / "images" / "1.bmp", 5)
    print_of(settings, tmp_path / "c")
    assert hashed[3:] == ["1.bmp"]


def test_the_version_of_the_code_that_reads_masks_moves_it_and_empties_the_cache(tmp_path, monkeypatch):
    settings = own_set(tmp_path)
    first = print_of(settings, tmp_path / "c")
    monkeypatch.setattr(load, "READING", masks.READING + 1)
    assert print_of(settings, tmp_path / "c") != first

    save_mask(tmp_path / "m.png", (1, 2, 3, 4))
    for version, reads in ((1, 1), (1, 0), (2, 1), (2, 0)):
        read = []
        monkeypatch.setattr(masks, "READING", version)
        cache = MaskCache(
            tmp_path, tmp_path / "c", read=lambda path, _, read=read: read.append(path) or read_mask(path)
        )
        cache(tmp_path / "m.png")
        cache.save()
        assert len(read) == reads
