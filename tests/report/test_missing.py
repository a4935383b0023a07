import pytest

from medloc.report.groups import group_records
from medloc.report.missing import missing_runs, unavailable


@pytest.fixture
def conf(tmp_path):
    """Config groups of a checkout that has four methods and one model."""
    for path in ("method/zero_shot", "method/vlm_r1", "method/raw_iou", "method/medloc", "model/tiny_s"):
        file = tmp_path / f"{path}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    return tmp_path


def commands(group, conf, row):
    return [missing.command for missing in missing_runs(group, conf) if missing.row == row]


def test_without_any_record_every_row_has_one_plain_command(conf):
    found = {missing.row: missing.command for missing in missing_runs(None, conf)}
    assert len(found) == 6
    assert found["Zero Shot-3B"] == (
        "python -m medloc.run -m method=zero_shot model=tiny_s dataset=ham10000,heel,tn3k seed=42"
    )
    assert found["MedLoc-R1-3B cosine"] == (
        "python -m medloc.run -m method=medloc schedule=cosine model=tiny_s dataset=ham10000,heel,tn3k seed=42,43,44"
    )
    assert "schedule" not in found["VLM-R1-3B"]


def test_rows_this_checkout_cannot_run_are_named_without_a_command(conf):
    assert unavailable(None, conf) == [
        "Zero Shot-7B",
        "Zero Shot-32B",
        "SFT-3B",
        "V-Triune-3B",
        "MedLoc-R1-7B piecewise",
        "MedLoc-R1-32B piecewise",
    ]


def test_a_deleted_record_is_named(fabricate, conf):
    records = [fabricate(dataset=name, seed=seed) for name in ("ham10000", "heel", "tn3k") for seed in (42, 43, 44)]
    (group,) = group_records(records)
    assert commands(group, conf, "MedLoc-R1-3B piecewise") == []
    (group,) = group_records(records[:4] + records[5:])
    (missing,) = [one for one in missing_runs(group, conf) if one.row == "MedLoc-R1-3B piecewise"]
    assert (missing.datasets, missing.seeds) == (("heel",), (43,))
    assert missing.command == (
        "python -m medloc.run method=medloc schedule=piecewise model=tiny_s dataset=heel "
        "train=tiny train.max_steps=250 seed=43"
    )
    assert str(missing).startswith("- MedLoc-R1-3B piecewise, heel, seed 43:\n")


def test_data_sets_that_lack_the_same_seeds_share_a_command(fabricate, conf):
    (group,) = group_records([fabricate(dataset="heel", seed=42)])
    assert [command.split(" dataset=")[1] for command in commands(group, conf, "MedLoc-R1-3B piecewise")] == [
        "ham10000,tn3k train=tiny train.max_steps=250 seed=42,43,44",
        "heel train=tiny train.max_steps=250 seed=43,44",
    ]


def test_a_failed_run_is_missing(fabricate, conf):
    (group,) = group_records([fabricate(seed=42), fabricate(seed=43, status="failed", reason="killed")])
    assert any("seed=43,44" in command for command in commands(group, conf, "MedLoc-R1-3B piecewise"))


def test_real_data_ask_for_their_folder_and_only_for_sets_at_hand(fabricate, conf):
    (group,) = group_records([fabricate(seed=42, origin="real: HEEL_2026")])
    assert commands(group, conf, "MedLoc-R1-3B piecewise") == [
        "python -m medloc.run -m method=medloc schedule=piecewise model=tiny_s dataset=heel "
        "dataset.root=PATH_TO/HEEL_2026 train=tiny train.max_steps=250 seed=43,44"
    ]


def test_epochs_and_calibration_are_part_of_the_command(fabricate, conf):
    config = {"train": {"max_steps": None, "epochs": 5}}
    (group,) = group_records([fabricate(train="paper", config=config, evaluated_on="calibration")])
    (command,) = [one for one in commands(group, conf, "VLM-R1-3B") if "heel" in one]
    assert "dataset.evaluate_on=calibration train=paper train.epochs=5 seed=" in command


def test_one_zero_shot_run_is_enough_whatever_its_seed(fabricate, conf):
    (group,) = group_records([fabricate("zero_shot", dataset=name, seed=7) for name in ("ham10000", "heel", "tn3k")])
    assert commands(group, conf, "Zero Shot-3B") == []
