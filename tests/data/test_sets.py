"""The registry: a new data set is one entry, and what the package knows of a set is said in its own file only."""

import re
from pathlib import Path

import pytest
import yaml

from medloc.boxes import Box
from medloc.data import load_dataset
from medloc.data.example import DataSet
from medloc.data.manifest import ManifestRow
from medloc.data.prompts import PROMPTS, TARGETS, known_prompts, question_of, target_of
from medloc.data.sets import SETS, check_set
from medloc.data.splits import grouped_split
from medloc.spec import dataset as spec
from tests.data.helpers import dataset_settings, save_image

ROOT = Path(__file__).parents[2]


def read_flat(root, settings, problems):
    problems.quirks["images without a box"] = 3
    images = sorted(root.glob("*.png"))
    return [ManifestRow(p.stem, p.name, 40, 30, (Box(1, 2, 20, 30),), None, "", p.stem) for p in images]


NEW = DataSet(
    name="flat",
    title="Flat",
    splits=("grouped",),
    folds=True,
    target="cyst",
    prompt="Where is the cyst?",
    read=read_flat,
    split=lambda settings, examples, n_test: (grouped_split(examples, n_test, settings.split_seed), ()),
)


def test_one_entry_makes_a_data_set(tmp_path, monkeypatch):
    known = known_prompts()
    monkeypatch.setitem(SETS, "flat", NEW)
    monkeypatch.setattr(spec, "SPLITS", {**getattr(spec, "SPLITS", {}), "flat": NEW.splits}, raising=False)
    for i in range(10):
        save_image(tmp_path / "images" / f"{i}.png")
    settings = dataset_settings("ham10000", tmp_path / "images", name="flat")
    data = load_dataset(settings, tmp_path / "c")
    assert (len(data.train), len(data.test), data.name, data.notes) == (
        8,
        2,
        "flat",
        ("flat: left out 3 images without a box.",),
    )
    assert (target_of(settings), question_of(settings, None)) == ("cyst", "Where is the cyst?")
    assert question_of(settings, "boxmed_rl") == "Provide the bounding box for cyst."
    check_set(dataset_settings("ham10000", name="flat", split="fold2of5"))
    with pytest.raises(ValueError, match=r"dataset\.split=paper is not known for flat; use one of grouped, foldKofN"):
        check_set(dataset_settings("ham10000", name="flat", split="paper"))
    with pytest.raises(ValueError, match=r"dataset=flat has no phantoms; dataset\.root=FOLDER"):
        load_dataset(dataset_settings("ham10000", name="flat"), tmp_path / "c")
    assert known_prompts() == known  # the tiny bases were not pre-trained on its question


def test_an_unknown_set_names_the_known_ones():
    with pytest.raises(ValueError, match=r"dataset\.name=busi is not known; use one of ham10000, heel, tn3k, manifest"):
        check_set(dataset_settings("ham10000", name="busi"))


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_its_yaml_with_its_default_split(name):
    values = yaml.safe_load((ROOT / "conf" / "dataset" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert (SETS[name].name, values["name"], values["split"]) == (name, name, SETS[name].splits[0])
    assert SETS[name].phantoms is None or SETS[name].phantoms.name == name


def test_the_order_of_questions_is_that_of_the_tiny_bases():
    assert list(PROMPTS) == list(TARGETS) == ["ham10000", "heel", "tn3k"]  # their vocabularies follow it


def test_the_name_of_a_set_stands_in_its_own_files_only():
    own = re.compile(rf'"({"|".join(name for name in SETS if name != "manifest")})"')
    places = {
        path.relative_to(ROOT / "medloc" / "data").as_posix(): own.findall(path.read_text(encoding="utf-8"))
        for path in (ROOT / "medloc" / "data").rglob("*.py")
    }
    assert {place for place, names in places.items() if names} == {
        *(f"sets/{name}.py" for name in ("ham10000", "heel", "tn3k")),
        *(f"phantoms/{name}.py" for name in ("dermoscopy", "ultrasound", "xray")),
    }
