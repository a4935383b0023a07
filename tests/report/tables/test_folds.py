import pytest

from medloc.report.frame import group_records
from medloc.report.tables.build import other_table
from medloc.report.tables.folds import folds_table
from medloc.report.values import Values
from medloc.report.whole import write_report
from medloc.runs import find_records
from tests.report.conftest import fabricate, scores


def fold(number, ious, method="medloc", seed=42, of=2, box=(10, 0.5), **changes):
    """A run on one fold, its overlaps, and its best constant box: number of images and A@0.5."""
    variant = f"dataset.boxes=largest dataset.split=fold{number}of{of}{changes.pop('more', '')}"
    record = fabricate(method, "manifest", seed, origin="real: nodules", variant=variant, **changes)
    record.fingerprints["data"] = f"fold{number}"
    best = scores(box[1]) | {"n": box[0]}
    record.metrics["constant_box"] = {"best": best, "median": best}
    return record, ious


@pytest.fixture
def table(results, answered):
    def make(*runs):
        folder = results(*(record for record, _ in runs))
        for record, ious in runs:
            answered(record, ious)
        return folds_table(folder, [record for record, _ in runs])

    return make


def test_folds_are_scored_as_one_by_hand(table):
    found = table(
        fold(1, [0.6, 0.6, 0.1, 0.1], box=(4, 0.25)),
        fold(2, [0.9, 0.4], box=(2, 1.0)),  # seed 42: .6 .6 .9 of six reach .5, so 50.00
        fold(1, [0.6, 0.6, 0.6, 0.1], seed=43),
        fold(2, [0.9, 0.9], seed=43),  # five of six, 83.33; mean 66.67, sd 33.33 / sqrt(2) = 23.57
        fold(1, [0.0] * 4, "vlm_r1"),
        fold(2, [0.8, 0.0], "vlm_r1"),  # one of six, 16.67
    )
    ours, theirs, best, median = found.rows
    assert ours[:6] == ("real: nodules", "medloc piecewise tiny_s", "250", "2", "6", "66.67 ± 23.57 (2)")
    assert ours[6] == "25.00 ± 11.79 (2)"  # at 0.8: one of six, then two of six: 16.67 and 33.33
    assert theirs[:7] == ("real: nodules", "vlm_r1 tiny_s", "250", "2", "6", "16.67 (1)", "16.67 (1)")
    assert theirs[-1].startswith("+50.0 (")  # 66.67 - 16.67
    assert ours[-1] == "-"
    assert best[1:7] == ("Best constant box", "-", "-", "-", "50.00 (1)", "20.00 (1)")  # (4 * .25 + 2 * 1) / 6
    assert median[1] == "Median constant box"


def test_a_line_says_how_many_folds_it_has_and_no_number_before_it_has_all(table):
    found = table(fold(1, [0.6, 0.6], of=3), fold(3, [0.6, 0.6], of=3), fold(1, [0.6, 0.6], seed=43, of=3))
    assert [row[3:] for row in found.rows] == [("2 of 3", *["-"] * 7)]


def test_other_numbers_of_folds_are_another_line(table):
    found = table(*(fold(number, [0.6, 0.1], of=of) for of in (2, 3) for number in range(1, of + 1)))
    assert [(row[3], row[4]) for row in found.rows[:2]] == [("2", "4"), ("3", "6")]


def test_torn_answers_are_no_answers(results, answered):
    runs = [fold(1, [0.6, 0.6]), fold(2, [0.6, 0.6])]
    folder = results(*(record for record, _ in runs))
    for record, ious in runs:
        answered(record, ious)
    (folder / "runs" / runs[1][0].key / "samples.jsonl").write_text("{")
    (row,) = folds_table(folder, [record for record, _ in runs]).rows
    assert row[3:5] == ("1 of 2", "-")


def test_overrides_that_tell_runs_apart_are_named_and_trained_ones_come_first(table):
    found = table(
        *(fold(number, [0.6, 0.6], "zero_shot") for number in (1, 2)),
        *(fold(number, [0.6, 0.6], more=" window.size=10") for number in (1, 2)),
        *(fold(number, [0.6, 0.6]) for number in (1, 2)),
    )
    names = [row[1] for row in found.rows]
    assert names[:3] == ["medloc piecewise tiny_s", "medloc piecewise tiny_s window.size=10", "zero_shot tiny_s"]


def test_a_whole_data_set_is_no_fold(table, tmp_path):
    assert table((fabricate(), [0.5])) is None
    records = [fold(1, [])[0], fabricate("vlm_r1", "manifest", origin="real: nodules", variant="dataset.boxes=each")]
    records[1].fingerprints["data"] = "fold1"
    (group,) = group_records(records)
    other = other_table(Values(group, tmp_path))
    assert {number.row for number in other.numbers} == {"vlm_r1 tiny_s dataset.boxes=each"}


def test_the_report_has_the_table_and_a_section(results, answered):
    runs = [fold(1, [0.6, 0.6]), fold(2, [0.1, 0.1])]
    folder = results(*(record for record, _ in runs))
    for record, ious in runs:
        answered(record, ious)
    write_report(folder, find_records(folder))
    assert "50.00 (1)" in (folder / "tables" / "folds.md").read_text(encoding="utf-8")
    assert '<h2 id="folds">' in (folder / "report.html").read_text(encoding="utf-8")
