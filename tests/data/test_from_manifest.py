"""What training sees of a manifest: boxes by the rule, parts, what is left out, the question."""

import json
from dataclasses import replace

import pytest

from medloc.boxes import Box
from medloc.data import load_dataset
from medloc.data.formats.masks import choose_boxes, read_mask
from medloc.data.prompts import PROMPTS, TARGETS, question_of, target_of
from medloc.data.splits import fifth, grouped_split
from tests.data.helpers import dataset_settings, save_image, save_mask
from tests.data.test_loaders import ham

HEAD = {"medloc_manifest": 1, "name": "own", "target": "nodule", "root": "images"}


def manifest(tmp_path, *rows, **head):
    """Writes rows, each id -> changes, with their images."""
    lines = [json.dumps({**HEAD, **head})]
    for name, change in rows:
        save_image(tmp_path / "images" / f"{name}.png")
        row = {"id": name, "image": f"{name}.png", "width": 40, "height": 30, "boxes": [[1, 2, 20, 30]], **change}
        lines.append(json.dumps(row))
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    return tmp_path / "m.jsonl"


def own(path, **changes):
    return dataset_settings("manifest", None, manifest=str(path), **changes)


TWO = [[0, 0, 10, 10], [20, 5, 30, 25]]
BOTH = {"boxes": TWO, "split": "train"}


@pytest.mark.parametrize(
    ("rule", "boxes"),
    [
        ("union", {"b": Box(0, 0, 30, 25)}),
        ("largest", {"b": Box(20, 5, 30, 25)}),
        ("single", {}),
        ("all", {"b#0": Box(0, 0, 10, 10), "b#1": Box(20, 5, 30, 25)}),
    ],
)
def test_every_rule_for_several_boxes(tmp_path, rule, boxes):
    path = manifest(
        tmp_path,
        ("a", {"split": "test"}),
        ("b", {"boxes": TWO, "split": "train", "group": "p"}),
        ("c", {"split": "train"}),
        ("d", {"boxes": [], "split": "train"}),
    )
    data = load_dataset(own(path, boxes=rule), tmp_path / "cache")
    assert {e.id: e.box for e in data.train} == {**boxes, "c": Box(1, 2, 20, 30)}
    assert {e.group for e in data.train if e.id[0] == "b"} <= {"p"}
    assert [e.id for e in data.test] == ["a"]
    left_out = "1 images with several boxes (dataset.boxes=single), " if rule == "single" else ""
    assert data.notes == (f"own: left out {left_out}1 images without a target.",)
    assert (data.name, data.origin, data.synthetic) == ("own", "real: own", False)


def test_the_largest_component_is_that_of_most_foreground_as_in_a_mask(tmp_path):
    row = {"boxes": [[0, 0, 20, 20], [20, 5, 30, 25]], "areas": [40, 200], "split": "train"}
    path = manifest(tmp_path, ("a", row), ("b", {"split": "test"}))
    assert load_dataset(own(path, boxes="largest"), tmp_path / "c").train[0].box == Box(20, 5, 30, 25)


def test_boxes_through_a_manifest_are_those_of_the_masks_under_every_rule(tmp_path):
    save_mask(tmp_path / "m.png", (1, 1, 9, 9), (20, 3, 40, 30), (12, 12, 13, 13))
    mask = read_mask(tmp_path / "m.png")
    row = {"boxes": [box.as_list() for box in mask.boxes], "areas": list(mask.areas), "split": "train"}
    path = manifest(tmp_path, ("a", row), ("b", {"split": "test"}))
    for rule in ("union", "largest", "all"):
        data = load_dataset(own(path, boxes=rule), tmp_path / "c")
        assert tuple(e.box for e in data.train) == choose_boxes(mask, rule)


def test_without_parts_groups_decide_and_all_boxes_of_an_image_stay_together(tmp_path):
    rows = [(f"{i:02d}", {"boxes": TWO, "group": f"p{i // 3}"}) for i in range(15)]
    path = manifest(tmp_path, *rows)
    data = load_dataset(own(path, split="manifest", boxes="all"), tmp_path / "c")
    assert not {e.group for e in data.train} & {e.group for e in data.test}
    assert len(data.train) + len(data.test) == 30
    assert (data.train, data.test) == grouped_split([*data.train, *data.test], fifth(30), 0)


def test_grouped_divides_again_what_is_divided(tmp_path):
    rows = [(f"{i}", {"split": "train" if i else "test"}) for i in range(10)]
    path = manifest(tmp_path, *rows)
    assert len(load_dataset(own(path), tmp_path / "c").test) == 1
    assert len(load_dataset(own(path, split="grouped"), tmp_path / "c").test) == 2


def test_groups_on_both_sides_are_told(tmp_path):
    rows = [(f"{i}", {"group": "p", "split": "train" if i else "test"}) for i in range(3)]
    notes = load_dataset(own(manifest(tmp_path, *rows)), tmp_path / "c").notes
    assert notes == ("own: 100.0 % of test images share a group with training.",)


def test_validation_images_of_the_manifest_or_of_a_fraction(tmp_path):
    rows = [(f"{i:02d}", {"split": "test" if i < 4 else "train", "group": f"p{i // 2}"}) for i in range(24)]
    path = manifest(tmp_path, *rows)
    whole = load_dataset(own(path), tmp_path / "c")
    data = load_dataset(own(path, validation_fraction=0.2), tmp_path / "c")
    assert (whole.validation, len(data.validation), data.test) == ((), 4, whole.test)
    assert {*data.train, *data.validation} == {*whole.train}
    assert not {e.group for e in data.train} & {e.group for e in data.validation}
    assert data.fingerprint != whole.fingerprint
    assert load_dataset(own(path, validation_fraction=0.2), tmp_path / "c").validation == data.validation
    named = manifest(tmp_path, *rows[:-1], ("23", {"split": "validation"}))
    assert [e.id for e in load_dataset(own(named), tmp_path / "c").validation] == ["23"]
    with pytest.raises(ValueError, match=r"dataset\.validation_fraction=0\.2: .* names its validation images itself"):
        load_dataset(own(named, validation_fraction=0.2), tmp_path / "c")


def test_a_fraction_that_leaves_nothing_is_refused(tmp_path):
    path = manifest(tmp_path, ("a", {"split": "train"}), ("b", {"split": "test"}))
    with pytest.raises(ValueError, match=r"dataset\.validation_fraction=0\.5 of 1 training images leaves"):
        load_dataset(own(path, validation_fraction=0.5), tmp_path / "c")


def test_a_fraction_of_the_papers_sets_too(tmp_path):
    ham(tmp_path / "mine", 15)
    settings = dataset_settings("ham10000", tmp_path / "mine")
    whole, data = (load_dataset(replace(settings, validation_fraction=f), tmp_path / "c") for f in (0.0, 0.25))
    assert (len(whole.train), whole.validation) == (12, ())
    assert {*data.train, *data.validation} == {*whole.train}
    assert data.test == whole.test
    assert 2 <= len(data.validation) <= 3  # a quarter is 3; lesions have two images, but for one
    assert not {e.group for e in data.train} & {e.group for e in data.validation}


def test_the_fingerprint_is_that_of_images_boxes_and_question(tmp_path):
    rows = [("a", {"split": "train"}), ("b", {"split": "test"})]
    path = manifest(tmp_path, *rows)
    first = load_dataset(own(path), tmp_path / "c").fingerprint
    moved = tmp_path / "elsewhere.jsonl"
    moved.write_text(path.read_text())
    assert load_dataset(own(moved), tmp_path / "c").fingerprint == first
    prints = {first}
    for change, head in ((rows[0], {"target": "cyst"}), (rows[0], {"prompt": "Where?"}), (("a", {**BOTH}), {})):
        manifest(tmp_path, change, rows[1], **head)
        prints.add(load_dataset(own(path), tmp_path / "c").fingerprint)
    assert len(prints) == 4


def test_the_first_bad_line_ends_a_run_and_says_how_many_there_are(tmp_path):
    path = manifest(tmp_path, ("a", {"width": 41}), ("b", {"boxes": [[0]]}), ("c", {"id": "a"}))
    shown = r"m\.jsonl line 3: boxes\[0\]: a box must be .*\(2 more such errors\) `python -m medloc\.data check"
    with pytest.raises(ValueError, match=shown):
        load_dataset(own(path), tmp_path / "c")


@pytest.mark.parametrize("rows", [[("a", {"split": "train"})], [("a", {"boxes": []}), ("b", {"boxes": []})]])
def test_a_part_without_images_is_named(tmp_path, rows):
    with pytest.raises(ValueError, match=r"dataset\.manifest=.* leaves no (test|training) example"):
        load_dataset(own(manifest(tmp_path, *rows)), tmp_path / "c")


def test_images_that_moved_are_found_through_the_root(tmp_path):
    path = manifest(tmp_path, ("a", {"split": "train"}), ("b", {"split": "test"}))
    (tmp_path / "images").rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match=r"root images is not a folder; dataset\.root=FOLDER says where"):
        load_dataset(own(path), tmp_path / "c")
    settings = replace(own(path), root=str(tmp_path / "moved"))
    assert load_dataset(settings, tmp_path / "c").train[0].image == tmp_path / "moved" / "a.png"


def test_an_image_outside_the_data_folder_ends_a_run(tmp_path):
    save_image(tmp_path / "secret.png")
    path = manifest(tmp_path, ("a", {"image": "../secret.png"}), ("b", {}))
    with pytest.raises(ValueError, match=r"m\.jsonl line 2: \.\./secret\.png leaves the data folder"):
        load_dataset(own(path), tmp_path / "c")


def test_the_question_is_the_users_the_methods_the_manifests_or_made_from_the_target(tmp_path):
    plain = own(manifest(tmp_path, ("a", {})))
    made = question_of(plain, None)
    assert "the bounding box for the nodule" in made
    assert "in the format [xmin, ymin, xmax, ymax]" in made
    assert "for the cyst" in question_of(replace(plain, target="cyst"), None)
    assert (
        question_of(replace(plain, target="skin lesion"), None) == PROMPTS["ham10000"]
    )  # a target of the paper, its words
    assert question_of(plain, "boxmed_rl") == "Provide the bounding box for nodule."
    assert question_of(replace(plain, prompt="Box the {target}!"), "boxmed_rl") == "Box the nodule!"
    asking = own(manifest(tmp_path, ("a", {}), prompt="Where is the {target}, {here}?"))
    assert question_of(asking, None) == "Where is the nodule, {here}?"
    assert "for the cyst" in question_of(replace(asking, target="cyst"), None)
    assert (target_of(plain), target_of(replace(plain, target="cyst"))) == ("nodule", "cyst")
    assert question_of(dataset_settings("ham10000"), None) == PROMPTS["ham10000"]
    assert target_of(dataset_settings("heel")) == TARGETS["heel"]
