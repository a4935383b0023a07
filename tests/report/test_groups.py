import csv
import io

import pytest

from medloc.report.frame import empty_group, group_records
from medloc.report.tables.build import all_values, other_table
from medloc.report.tables.writers import csv_text


def keys(group):
    return sorted(record.key for record in group.records)


def test_only_complete_records_are_grouped(fabricate):
    one = fabricate(seed=42)
    failed = fabricate(seed=43, status="failed", reason="killed")
    assert [keys(group) for group in group_records([one, failed])] == [[one.key]]
    assert group_records([]) == []


@pytest.mark.parametrize(
    "other",
    [
        {"origin": "real: HEEL"},
        {"train": "paper"},
        {"config": {"train": {"max_steps": None, "epochs": 5}}},
        {"steps": 50},
        {"evaluated_on": "calibration"},
        {"numerics": 99},
        {"model": "qwen2_5_vl_3b"},
        {"fingerprints": {"data": "other", "model": "model-s"}},
        {"fingerprints": {"data": "data-heel", "model": "other"}},
    ],
)
def test_what_does_not_compare_never_shares_a_table(fabricate, other):
    one, two = fabricate(seed=42), fabricate(seed=43, key="two", **other)
    assert sorted(keys(group) for group in group_records([one, two])) == sorted([[one.key], ["two"]])


def test_data_sets_schedules_and_variants_share_a_table(fabricate):
    records = [
        fabricate(dataset="heel"),
        fabricate(dataset="tn3k"),
        fabricate(schedule="cosine"),
        fabricate(variant="window.unit=group"),
        fabricate("vlm_r1"),
    ]
    assert len(group_records(records)) == 1


def test_real_and_phantom_data_of_one_set_do_not_push_each_other_out(fabricate):
    phantom = [fabricate(dataset=name) for name in ("ham10000", "heel")]
    real = fabricate(origin="real: H", fingerprints={"data": "real", "model": "model-s"}, started="2027")
    assert [len(group.records) for group in group_records([*phantom, real])] == [2, 1]


def test_the_newest_data_of_every_set_stand_together(fabricate):
    old = [
        fabricate(dataset=name, seed=seed, fingerprints={"data": f"old-{name}", "model": "model-s"}, started="2025")
        for name in ("ham10000", "heel")
        for seed in (42, 43)
    ]
    new = [fabricate(dataset=name, seed=44) for name in ("ham10000", "heel")]
    assert [len(group.records) for group in group_records([*old, *new])] == [4, 2]


def test_an_override_that_changes_the_data_pushes_no_plain_run_out(fabricate):
    plain = [fabricate(dataset=name) for name in ("heel", "tn3k")]
    other = fabricate(
        dataset="tn3k",
        variant="dataset.boxes=largest",
        fingerprints={"data": "largest", "model": "model-s"},
        started="2027",
    )
    assert [len(group.records) for group in group_records([*plain, other])] == [2, 1]


def test_a_zero_shot_run_stands_in_every_table_of_its_setting(fabricate):
    zero = fabricate("zero_shot")
    tables = group_records([zero, fabricate(seed=42), fabricate(seed=43, steps=50)])
    assert len(tables) == 2
    assert all(zero.key in keys(group) for group in tables)
    (alone,) = group_records([zero])
    assert alone.heading == "phantom data, tiny models, nothing trained"


def test_headings_say_what_the_numbers_stand_for(fabricate):
    (group,) = group_records([fabricate()])
    assert group.heading == "phantom data, tiny models, train=tiny, 250 steps"
    (group,) = group_records([fabricate(origin="real: HEEL", evaluated_on="calibration")])
    assert group.heading == "real data, tiny models, train=tiny, 250 steps, evaluated on calibration images"
    assert "Data are real: HEEL." in group.notes


def test_a_thinned_grid_is_labelled(fabricate):
    (group,) = group_records([fabricate()], smoke=True)
    assert group.heading == "SMOKE (the numbers mean nothing), phantom data, tiny models, train=tiny, 250 steps"
    assert group.data_heading == "SMOKE (the numbers mean nothing), phantom data"


def test_nothing_is_said_to_be_nothing():
    assert empty_group().heading == "no complete run yet"
    assert len(empty_group().datasets) == 3


def test_a_seed_counts_once_and_the_later_record_wins(fabricate):
    first = fabricate(key="first", a50=0.1)
    later = fabricate(key="later", a50=0.9, ended="2026-02-01T00:00:00+00:00")
    (group,) = group_records([later, first])
    assert keys(group) == ["later"]
    assert "first is left out: the later later is the same run and seed." in group.notes


def test_notes_name_fingerprints_and_code(fabricate):
    dirty = {"commit": "abc" + "0" * 37, "dirty": True}
    (group,) = group_records([fabricate(seed=42), fabricate(seed=43, provenance=dirty)])
    assert "Fingerprints: heel data-heel, tiny_s model-s." in group.notes
    assert "Code: commit abc0000 with changes, commit c0ffee0." in group.notes


def test_a_model_that_judges_the_answers_does_not_part_its_method_from_the_others(fabricate):
    # MedGround-R1's records name the base and, behind it, the CLIP in the reward
    base, clip = "a" * 16, "b" * 16
    others = [fabricate(model=size, fingerprints={"data": "data-heel", "model": base}) for size in ("tiny_s", "tiny_m")]
    judged = fabricate(
        method="medground_r1", schedule=None, started="2027", fingerprints={"data": "data-heel", "model": base + clip}
    )
    (group,) = group_records([*others, judged])
    assert len(group.records) == 3


def own_set(fabricate, name, fingerprint, **changes):
    prints = {"data": fingerprint, "model": "model-s"}
    return fabricate(
        dataset="manifest", origin=f"real: {name}", fingerprints=prints, key=f"{name}-{fingerprint}", **changes
    )


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (("thyroid", "aaaa"), ("polyps", "bbbb"), {"thyroid", "polyps"}),
        (("thyroid", "aaaa"), ("polyps", "aaaa"), {"thyroid", "polyps"}),
        (("thyroid", "aaaa"), ("thyroid", "bbbb"), {"thyroid aaaa", "thyroid bbbb"}),
    ],
)
@pytest.mark.parametrize("method", ["medloc", "zero_shot"])
def test_own_data_sets_are_parted_by_name_and_fingerprint(fabricate, tmp_path, method, first, second, names):
    # equal numbers: only what they are said to be numbers of tells one block from the other
    records = [own_set(fabricate, *first, method=method), own_set(fabricate, *second, method=method, started="2027")]
    found = group_records(records)
    assert {group.data_heading for group in found} == {f"real data of {name}" for name in names}
    tables = [other_table(values) for values in all_values(tmp_path, records)]
    assert {table.heading.partition(",")[0] for table in tables} == {f"real data of {name}" for name in names}
    assert {row["group"] for row in csv.DictReader(io.StringIO(csv_text(tables)))} == {"1", "2"}


def test_one_own_data_set_and_parts_of_a_cross_validation_need_no_name(fabricate):
    folds = [own_set(fabricate, "thyroid", f"fold{fold}", variant=f"dataset.split=fold{fold}of2") for fold in (1, 2)]
    found = group_records([*folds, own_set(fabricate, "thyroid", "whole")])
    assert {group.data_heading for group in found} == {"real data"}
