import json

import pytest

from medloc.experiments.reduced import SMOKE
from medloc.experiments.rows import planned_run
from medloc.report.frame import empty_group, group_records
from medloc.report.values import Values

ROW = "MedLoc-R1-3B piecewise"


def test_seeds_of_a_row(values, fabricate):
    found = values(fabricate(seed=43, a50=0.7), fabricate(seed=42, a50=0.6), fabricate("vlm_r1", a50=0.1))
    assert found.seeds("table1", ROW, "heel", "a50") == {42: 0.6, 43: 0.7}
    assert found.seeds("table1", "VLM-R1-3B", "heel", "a50") == {42: 0.1}
    assert found.seeds("table1", ROW, "tn3k", "a50") == {}
    assert found.seeds("table1", "no such row", "heel", "a50") == {}
    assert found.seeds("no such table", ROW, "heel", "a50") == {}


def test_one_run_stands_wherever_it_is_asked_for(values, fabricate):
    found = values(fabricate(dataset="ham10000", a50=0.6))
    rows = [("table1", ROW), ("table2", "Full (Ours)"), ("table3", "Adaptive (Ours)"), ("table4", "Dynamic-δk (Ours)")]
    rows += [("table7", "MedLoc-R1 (Ours)"), ("table7", "Group size 8"), ("figure7", "N 30")]
    assert [found.seeds(*row, "ham10000", "a50") for row in rows] == [{42: 0.6}] * len(rows)


def test_overrides_and_schedules_find_their_row(values, fabricate):
    found = values(
        fabricate(dataset="ham10000", variant="criteria=no_reward", a50=0.1),
        fabricate(dataset="ham10000", schedule="identical", variant="schedule.delta=0.05", a50=0.2),
        fabricate("v_triune", dataset="ham10000", variant="method.preset=matched", a50=0.3),
    )
    assert found.seeds("table2", "w/o Reward Check", "ham10000", "a50") == {42: 0.1}
    assert found.seeds("table4", "Identical-δk = 0.05", "ham10000", "a50") == {42: 0.2}
    assert found.seeds("table1", "V-Triune-3B matched", "ham10000", "a50") == {42: 0.3}
    assert found.seeds("table1", "V-Triune-3B", "ham10000", "a50") == {}


def test_another_family_fills_the_same_rows(values, fabricate):
    config = {"train": {"max_steps": None, "epochs": 5}}
    found = values(fabricate(model="qwen2_5_vl_7b", train="paper", config=config, a50=0.6))
    assert found.seeds("table1", "MedLoc-R1-7B piecewise", "heel", "a50") == {42: 0.6}
    assert found.reproduce("figure1") == "python -m medloc.reproduce figure1 --family Qwen2.5-VL"
    assert values(fabricate(model="another")).experiments == {}


def test_a_zero_shot_row_takes_its_run_or_any_start(values, fabricate):
    started = values(fabricate(seed=42), fabricate(seed=43))
    assert started.seeds("table1", "Zero Shot-3B", "heel", "a50") == {42: 0.1364, 43: 0.1364}
    own = fabricate("zero_shot", seed=7)
    own.metrics["zero_shot"]["a50"] = 0.5
    assert values(fabricate(), own).seeds("table1", "Zero Shot-3B", "heel", "a50") == {7: 0.5}


def test_a_start_under_another_question_is_not_the_zero_shot_row(values, fabricate):
    config = {"train": {"max_steps": 250}, "method": {"prompt": "boxmed_rl"}}
    assert values(fabricate("boxmed_rl", config=config)).seeds("table1", "Zero Shot-3B", "heel", "a50") == {}


def test_missing_numbers_are_left_out(values, fabricate):
    record = fabricate()
    record.metrics["final"]["map"] = None
    assert values(record).seeds("table1", ROW, "heel", "map") == {}
    assert values(record).seeds("table1", ROW, "heel", "a50") == {42: 0.9}


def test_images_come_from_the_samples_beside_the_record(values, fabricate, answered):
    record = fabricate()
    answered(record, [0.25, 0.5, 1.0])
    found = values(record).images("table1", ROW, "heel", 42)
    assert found.ious.tolist() == [0.25, 0.5, 1.0]
    assert found.groups == ("lesion0", "lesion0", "lesion1")
    assert values(record).images("table1", ROW, "heel", 43) is None


def test_the_start_of_a_run_gives_the_images_of_the_zero_shot_row(values, fabricate, answered):
    record = fabricate()
    answered(record, [0.9], "samples.jsonl")
    answered(record, [0.1], "start.jsonl")
    assert values(record).images("table1", "Zero Shot-3B", "heel", 42).ious.tolist() == [0.1]
    assert values(record).images("table1", ROW, "heel", 42).ious.tolist() == [0.9]


def test_a_published_record_has_its_own_ious_and_the_groups_of_another_run(values, fabricate, answered):
    published, other = fabricate(test_ious=[0.5, 0.75]), fabricate("vlm_r1")
    assert values(published, other).images("table1", ROW, "heel", 42) is None  # whose lesions are these?
    answered(other, [0.1, 0.2])
    found = values(published, other).images("table1", ROW, "heel", 42)
    assert (found.ious.tolist(), found.groups) == ([0.5, 0.75], ("lesion0", "lesion0"))
    answered(other, [0.1, 0.2, 0.3])  # other images: never guessed
    assert values(published, other).images("table1", ROW, "heel", 42) is None


def test_a_published_record_finds_the_groups_of_its_data_set(values, fabricate, tmp_path):
    counts = {"train": {}, "test": {"nv": 2}, "order": [["a", "lesion7"], ["b", "lesion7"]]}
    (tmp_path / "results" / "datasets").mkdir(parents=True)
    (tmp_path / "results" / "datasets" / "data-heel.json").write_text(json.dumps(counts))
    found = values(fabricate(test_ious=[0.5, 0.75])).images("table1", ROW, "heel", 42)
    assert (found.ids, found.groups, found.ious.tolist()) == (("a", "b"), ("lesion7", "lesion7"), [0.5, 0.75])


def test_torn_samples_are_a_problem_and_no_number(values, fabricate, answered, tmp_path):
    record = fabricate()
    answered(record, [0.5])
    (tmp_path / "results" / "runs" / record.key / "samples.jsonl").write_text("{")
    found = values(record)
    assert found.images("table1", ROW, "heel", 42) is None
    assert found.images("table1", ROW, "heel", 42) is None
    (problem,) = found.problems
    assert problem.startswith(f"runs/{record.key}/samples.jsonl line 1: not a sample")


def test_series_come_from_the_record_or_its_trace(values, fabricate, tmp_path):
    traced = fabricate()
    folder = tmp_path / "results" / "runs" / traced.key
    folder.mkdir(parents=True)
    lines = [{"step": step, "ious": [[0.1]], "tau_used": 0.3, "reward": step / 4} for step in (1, 2)]
    (folder / "trace.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    expected = {"step": [1, 2], "tau_used": [0.3, 0.3], "reward": [0.25, 0.5]}
    assert values(traced).series("table1", ROW, "heel", 42) == expected
    published = fabricate(seed=43, series={"step": [1], "reward": [0.5]})
    assert values(published).series("table1", ROW, "heel", 43) == {"step": [1], "reward": [0.5]}
    assert values(fabricate(seed=44)).series("table1", ROW, "heel", 44) is None
    (folder / "trace.jsonl").write_text("{")
    torn = values(traced)
    assert torn.series("table1", ROW, "heel", 42) is None
    assert "trace.jsonl line 1: not a step of a trace" in torn.problems[0]


def test_curves(values, fabricate):
    record = fabricate()
    record.metrics["curve"] = [{"step": 0, "a50": 0.1}, {"step": 250, "a50": 0.9}]
    assert values(record).curve("figure3", ROW, "heel", 42) == record.metrics["curve"]
    assert values(record).curve("figure3", ROW, "heel", 43) == []


def test_missing_runs_are_the_experiments_without_what_is_there(values, fabricate):
    found = values(*[fabricate(dataset=name) for name in ("ham10000", "heel", "tn3k")])
    missing = found.missing("figure1")
    assert len(missing) == 2 * 3 * 3 - 3
    assert {run.identity["method"] for run in missing} == {"medloc", "vlm_r1"}
    assert all("train.max_steps=250" in run.overrides for run in missing)
    assert found.missing("table5") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"train": {"max_steps": 300}}}, ()),  # conf/train/tiny.yaml's own length
        ({}, ("train.max_steps=250",)),
        ({"train": "paper", "config": {"train": {"max_steps": None, "epochs": 5}}}, ("train=paper",)),
        (
            {"train": "paper", "variant": "train.epochs=2", "config": {"train": {"max_steps": None, "epochs": 2}}},
            ("train=paper", "train.epochs=2"),
        ),
        (
            {"evaluated_on": "calibration", "config": {"train": {"max_steps": 300}}},
            ("dataset.evaluate_on=calibration",),
        ),
        ({"origin": "real: HEEL", "config": {"train": {"max_steps": 300}}}, ("dataset.root=PATH_TO/HEEL",)),
    ],
)
def test_missing_runs_land_in_their_group(values, fabricate, changes, words):
    found = values(fabricate(**changes))
    assert found.seeds("figure1", ROW, "heel", "a50") == {42: 0.9}
    assert found.seeds("table1", "Zero Shot-3B", "heel", "a50") == {42: 0.1364}
    assert found.reproduce("figure1") == ("" if words else "python -m medloc.reproduce figure1")
    (run, *_) = found.missing("figure1")
    plain = ("dataset=heel", "model=tiny_s", "method=medloc", "schedule=piecewise", "seed=43")
    named = set(run.overrides) - set(plain) - {"dataset=ham10000", "seed=42"}
    assert named == set(words)


def test_nothing_there_misses_everything(tmp_path):
    empty = Values(empty_group(), tmp_path)
    assert empty.seeds("table2", "Full (Ours)", "ham10000", "a50") == {}
    assert len(empty.missing("table2")) == 7 * 3
    assert empty.reproduce("table2") == "python -m medloc.reproduce table2"
    assert empty.group.heading == "no complete run yet"


def test_a_thinned_grid_is_found_and_missed_under_its_own_overrides(fabricate, tmp_path):
    variant = SMOKE_VARIANT
    records = [fabricate(variant=variant, config={"train": {"max_steps": 4}})]
    (group,) = group_records(records, smoke=True)
    found = Values(group, tmp_path, SMOKE)
    assert found.seeds("table1", ROW, "heel", "a50") == {42: 0.9}
    assert found.seeds("table1", "Zero Shot-3B", "heel", "a50") == {42: 0.1364}
    assert {run.identity["variant"] for run in found.missing("table1") if run.identity["method"] == "raw_iou"} == {
        variant
    }
    assert found.group.heading.startswith("SMOKE")
    assert found.reproduce("table1") == ""


SMOKE_VARIANT = planned_run(("method=medloc", *SMOKE.overrides)).identity["variant"]
