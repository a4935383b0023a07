import pytest

from medloc.report import values as values_module
from medloc.report.frame import empty_group
from medloc.report.values import Values, missing_runs, unavailable

SETS = ("ham10000", "heel", "tn3k")


@pytest.fixture(autouse=True)
def conf(monkeypatch):
    """A checkout that has four methods and one model."""
    there = {"zero_shot", "vlm_r1", "raw_iou", "medloc", "tiny_s"}
    monkeypatch.setattr(values_module, "has_option", lambda group, option: option in there)


def of_table1(values):
    return missing_runs(values, "table1", values.rows("table1"))


def commands(values, row):
    return [found.command for found in of_table1(values) if found.row == row]


@pytest.fixture
def nothing(tmp_path):
    return Values(empty_group(), tmp_path)


def test_without_any_record_every_row_has_one_plain_command(nothing):
    found = {one.row: one.command for one in of_table1(nothing)}
    assert len(found) == 6
    assert found["Zero Shot-3B"] == (
        "python -m medloc.run -m dataset=ham10000,heel,tn3k model=tiny_s method=zero_shot seed=42"
    )
    assert found["MedLoc-R1-3B cosine"] == (
        "python -m medloc.run -m dataset=ham10000,heel,tn3k model=tiny_s method=medloc schedule=cosine seed=42,43,44"
    )
    assert "schedule" not in found["VLM-R1-3B"]


def test_rows_this_checkout_cannot_run_are_named_without_a_command(nothing):
    assert unavailable(nothing.rows("table1")) == [
        "Zero Shot-7B",
        "Zero Shot-32B",
        "SFT-3B",
        "V-Triune-3B",
        "V-Triune-3B matched",
        "MedLoc-R1-7B piecewise",
        "MedLoc-R1-32B piecewise",
    ]


def test_overrides_are_quoted_for_the_shell(nothing):
    commands = [one.command for one in missing_runs(nothing, "table6", nothing.rows("table6"))]
    assert (
        "python -m medloc.run -m dataset=heel,tn3k model=tiny_s method=medloc schedule=piecewise "
        "'schedule.boundaries=[0.5,0.75]' seed=42,43,44"
    ) in commands


def test_a_deleted_record_is_named(values, fabricate):
    records = [fabricate(dataset=name, seed=seed) for name in SETS for seed in (42, 43, 44)]
    assert commands(values(*records), "MedLoc-R1-3B piecewise") == []
    (one,) = [m for m in of_table1(values(*records[:4], *records[5:])) if m.row == "MedLoc-R1-3B piecewise"]
    assert (one.datasets, one.seeds) == (("heel",), (43,))
    assert one.command == (
        "python -m medloc.run dataset=heel model=tiny_s method=medloc schedule=piecewise train.max_steps=250 seed=43"
    )
    assert str(one) == "MedLoc-R1-3B piecewise, heel, seed 43"


def test_data_sets_that_lack_the_same_seeds_share_a_command(values, fabricate):
    found = commands(values(fabricate(dataset="heel", seed=42)), "MedLoc-R1-3B piecewise")
    assert [command.partition("dataset=")[2].split()[0] for command in found] == ["ham10000,tn3k", "heel"]
    assert [command.rpartition("seed=")[2] for command in found] == ["42,43,44", "43,44"]


def test_a_failed_run_is_missing(values, fabricate):
    found = values(fabricate(seed=42), fabricate(seed=43, status="failed", reason="killed"))
    assert any("seed=43,44" in command for command in commands(found, "MedLoc-R1-3B piecewise"))


def test_real_data_ask_for_their_folder_and_only_for_sets_at_hand(values, fabricate):
    assert commands(values(fabricate(seed=42, origin="real: HEEL_2026")), "MedLoc-R1-3B piecewise") == [
        "python -m medloc.run -m dataset=heel model=tiny_s method=medloc schedule=piecewise "
        "dataset.root=PATH_TO/HEEL_2026 train.max_steps=250 seed=43,44"
    ]


def test_real_data_sets_never_share_a_command(values, fabricate):
    found = values(fabricate(origin="real: H", dataset="heel"), fabricate(origin="real: T", dataset="tn3k"))
    assert [command.partition("PATH_TO/")[2][0] for command in commands(found, "VLM-R1-3B")] == ["H", "T"]


def test_epochs_and_calibration_are_part_of_the_command(values, fabricate):
    config = {"train": {"max_steps": None, "epochs": 2}}
    found = values(fabricate(train="paper", config=config, evaluated_on="calibration"))
    (command,) = [one for one in commands(found, "VLM-R1-3B") if "heel" in one]
    assert "train=paper train.epochs=2 dataset.evaluate_on=calibration seed=" in command


@pytest.mark.parametrize("runs", ["zero_shot", "medloc"])
def test_one_run_or_start_is_enough_for_zero_shot_whatever_its_seed(values, fabricate, runs):
    found = values(*[fabricate(runs, dataset=name, seed=7) for name in SETS])
    assert commands(found, "Zero Shot-3B") == []
