import numpy as np
import pytest

from medloc.boxes import Box
from medloc.data import load_dataset
from medloc.evaluation.metrics import scores_of
from medloc.evaluation.samples import Sample, write_samples
from medloc.report.frame import group_records
from medloc.report.runs import ImageIous, image_counts, read_image_ious
from medloc.report.tables.build import counts_table
from medloc.report.values import Values
from medloc.spec.dataset import DatasetSettings, PhantomSettings

COUNTS = {"train": 6, "test": 3, "calibration": 1, "seed": 7}


@pytest.fixture(scope="module")
def heel(tmp_path_factory):
    """Ten phantoms, as a run would draw them: the data set, and what a record's config says of it."""
    cache = tmp_path_factory.mktemp("cache")
    settings = {
        "name": "heel",
        "root": None,
        "boxes": "union",
        "split": "paper",
        "split_seed": 0,
        "prompt": None,
        "sidecar": "boxes.csv",
        "evaluate_on": "test",
    }
    data = load_dataset(DatasetSettings(**settings, phantom=PhantomSettings(**COUNTS)), cache)
    return data, {"dataset": {**settings, "phantom": COUNTS}, "cache": str(cache), "train": {"max_steps": 250}}


@pytest.fixture
def record(heel, fabricate):
    data, config = heel
    return fabricate(config=config, fingerprints={"data": data.fingerprint, "model": "model-s"})


def test_images_are_counted_once_and_then_remembered(record, heel, tmp_path, fabricate):
    data, _ = heel
    counted = image_counts(tmp_path, [record])
    assert (sum(counted.train.values()), sum(counted.test.values())) == (6, 3)
    assert counted.train == {label: [e.label for e in data.train].count(label) for label in counted.train}
    assert counted.order == tuple((example.id, example.group) for example in data.test)
    # the files may go: what was counted stays, found by the fingerprint alone
    assert image_counts(tmp_path, [fabricate(fingerprints=record.fingerprints)]) == counted


@pytest.mark.parametrize("change", ["fingerprint", "cache", "config"])
def test_other_files_are_not_counted(record, fabricate, tmp_path, heel, change):
    config, prints = dict(heel[1]), dict(record.fingerprints)
    if change == "fingerprint":
        prints["data"] = "another"
    elif change == "cache":
        config["cache"] = str(tmp_path)
    else:
        del config["dataset"]
    assert image_counts(tmp_path / "results", [fabricate(config=config, fingerprints=prints)]) is None
    assert not list(tmp_path.iterdir())  # nothing was drawn


def test_table_5_beside_the_papers_counts(record, heel, tmp_path):
    (group,) = group_records([record])
    table = counts_table(Values(group, tmp_path))
    data, _ = heel
    shown = {}
    for number in table.numbers:
        if number.dataset == "heel":
            shown.setdefault(number.row, []).append(number.text)
    assert list(shown) == ["Normal", "Heel Spur", "Severe", "Total"]
    assert shown["Total"] == ["6", "3"]
    assert shown["Heel Spur"][0] == str(sum(example.label == "heelspur" for example in data.train))
    assert sum(int(train) for train, _ in shown.values()) == 2 * 6
    total = table.numbers[-1]
    assert (total.row, total.dataset, total.metric) == ("Total", "tn3k", "test")
    assert (total.text, total.paper_text) == ("-", "544")
    assert table.heading == "phantom data"
    assert [one.command for one in table.missing] == [
        f"python -m medloc.run dataset={name} model=tiny_s method=zero_shot seed=42" for name in ("ham10000", "tn3k")
    ]


def test_a_torn_memory_is_counted_again(record, tmp_path):
    counted = image_counts(tmp_path, [record])
    path = tmp_path / "datasets" / f"{record.fingerprints['data']}.json"
    path.write_text("{")
    assert image_counts(tmp_path, [record]) == counted
    assert path.read_text() != "{"


def sample(number, iou):
    box = Box(1.0, 1.0, 5.0, 5.0)
    return Sample(f"i{number}", f"g{number // 2}", "nv", 8, 8, "pixels", 8, 8, box, "[1, 1, 5, 5]", box, None, iou)


def test_what_evaluation_writes_is_read_back(tmp_path):
    write_samples(tmp_path / "samples.jsonl", [sample(i, iou) for i, iou in enumerate((0.1, 0.55, 1.0))])
    found = read_image_ious(tmp_path / "samples.jsonl")
    assert (found.ids, found.groups) == (("i0", "i1", "i2"), ("g0", "g0", "g1"))
    assert found.ious.tolist() == [0.1, 0.55, 1.0]


@pytest.mark.parametrize("metric", ["a50", "a80", "map", "mean_iou"])
def test_the_mean_over_images_is_the_metric(metric):
    ious = [0.0, 0.5, 0.55, 0.7999, 0.8, 0.95, 1.0]
    images = ImageIous(tuple("abcdefg"), tuple("aabbccd"), np.array(ious))
    assert images.scores(metric).mean() == pytest.approx(scores_of(ious)[metric])


def test_hand_computed_share_of_thresholds():
    # 0.55 reaches 0.50 and 0.55 of the ten; 0.95 all of them
    images = ImageIous(("a", "b"), ("a", "b"), np.array([0.55, 0.95]))
    assert images.scores("map").tolist() == [0.2, 1.0]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "a", "group": "g"}', '{"id": "a", "group": "g", "iou": "much"}', "7"]
)
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "samples.jsonl"
    path.write_text('{"id": "a", "group": "g", "iou": 0.5}\n' + line)
    with pytest.raises(ValueError, match=r"samples\.jsonl line 2: not a sample"):
        read_image_ious(path)


def test_an_impossible_overlap_is_refused(tmp_path):
    path = tmp_path / "samples.jsonl"
    path.write_text('{"id": "a", "group": "g", "iou": 1.5}\n')
    with pytest.raises(ValueError, match="does not lie in"):
        read_image_ious(path)
