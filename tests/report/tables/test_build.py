from pathlib import Path

import pytest

from medloc.experiments.catalog import experiment
from medloc.experiments.reduced import SMOKE, write_grid
from medloc.report.tables.build import all_tables, all_values, build_table, other_table
from medloc.report.tables.listing import DESCRIPTIONS, OURS
from medloc.report.tables.writers import FORMS, write_tables
from tests.report.conftest import fabricate as fabricate_one

LEFT, RIGHT = (one for one in DESCRIPTIONS if one.name == "table7")
BY_NAME = {one.name: one for one in DESCRIPTIONS if one.name != "table7"}


@pytest.fixture
def table(values):
    """`table("table1", record, ...)` builds one table of the largest group of these records."""

    def build(name, *records):
        return build_table(BY_NAME[name], values(*records))

    return build


def at(table, name):
    """Data set and metric -> number of one line."""
    return {(number.dataset, number.metric): number for number in table.numbers if number.row == name}


def datasets(table):
    return {number.dataset for number in table.numbers}


def facts(table, name):
    return tuple(said.get(name, "") for said in table.facts.values())


def texts(table, name, dataset):
    """Ours and the paper's at every place of a data set, as printed."""
    found = [number for (name, _), number in at(table, name).items() if name == dataset]
    return [text for number in found for text in (number.text, number.paper_text)]


def test_hand_computed_rows_beside_the_papers(table, three_seeds):
    # A@0.5 of 90, 92, 97 %: mean 93, sd sqrt(26 / 2) = 3.61; A@0.8 20, 30, 40: mean 30, sd 10; mAP always 30
    found = table("table1", *three_seeds())
    assert texts(found, "MedLoc-R1-3B piecewise", "heel") == [
        *("93.00 ± 3.61 (3)", "94.19 ± 1.94"),
        *("30.00 ± 10.00 (3)", "47.35 ± 2.67"),
        *("30.00 ± 0.00 (3)", "59.01 ± 1.89"),
    ]
    assert texts(found, "VLM-R1-3B", "heel")[:2] == ["-", "66.79 ± 3.21"]
    assert texts(found, "MedLoc-R1-3B piecewise", "tn3k")[:2] == ["-", "66.18 ± 1.94"]
    assert found.heading == "phantom data, tiny models, train=tiny, 250 steps"


def test_every_method_size_and_schedule_finds_its_row(table, fabricate):
    found = table(
        "table1",
        fabricate("vlm_r1", a50=0.11),
        fabricate("raw_iou", a50=0.22),
        fabricate(schedule="linear", a50=0.33),
        fabricate(schedule="cosine", a50=0.44),
        fabricate(model="tiny_l", a50=0.55, fingerprints={"data": "data-heel", "model": "model-l"}),
        fabricate("sft", a50=0.66),
        fabricate("v_triune", variant="method.preset=matched", a50=0.77),
    )
    rows = ("VLM-R1-3B", "Raw-IoU-3B", "MedLoc-R1-3B linear", "MedLoc-R1-3B cosine", "MedLoc-R1-32B piecewise")
    rows += ("SFT-3B", "V-Triune-3B matched")
    assert [texts(found, row, "heel")[0] for row in rows] == [f"{11 * k}.00 (1)" for k in range(1, 8)]
    assert texts(found, "MedLoc-R1-3B piecewise", "heel")[0] == "-"


@pytest.mark.parametrize("name", BY_NAME)
def test_every_planned_run_fills_its_row(values, fabricate, name):
    rows = [(row, row.run(row.datasets[0], row.seeds[0]).identity) for row in experiment(name).rows]
    for row, identity in rows:
        found = values(fabricate(**{**identity, "seed": 42}, fingerprints={"data": "d", "model": "m"}))
        assert found.seeds(name, row.name, identity["dataset"], "a50"), row.name


def test_zero_shot_comes_from_any_run_and_counts_once(table, fabricate):
    found = table("table1", fabricate(seed=42), fabricate(seed=43))
    assert texts(found, "Zero Shot-3B", "heel") == ["13.64 (1)", "13.64", "1.64 (1)", "1.64", "4.78 (1)", "4.78"]
    measured = fabricate("zero_shot")
    measured.metrics["zero_shot"]["a50"] = 0.5
    assert texts(table("table1", fabricate(), measured), "Zero Shot-3B", "heel")[0] == "50.00 (1)"


def test_the_best_and_the_second_of_the_trained_rows_are_marked(table, fabricate):
    found = table(
        "table1",
        fabricate("raw_iou", a50=0.8),
        fabricate("vlm_r1", a50=0.9),
        fabricate(a50=0.7),
        fabricate("zero_shot"),
    )
    numbers = [number for number in found.numbers if (number.dataset, number.metric) == ("heel", "a50")]
    marks = {number.row: number.mark for number in numbers if number.mark}
    assert marks == {"VLM-R1-3B": "best", "Raw-IoU-3B": "second"}
    paper = {number.row: number.paper_mark for number in numbers if number.paper_mark}
    assert paper == {"MedLoc-R1-7B piecewise": "best", "MedLoc-R1-32B piecewise": "second"}


@pytest.mark.parametrize("name", BY_NAME)
def test_constant_boxes_and_ceiling_stand_in_every_table(table, fabricate, name):
    found = table(name, *[fabricate(dataset=dataset, seed=seed) for dataset in ("ham10000", "heel") for seed in (1, 2)])
    assert texts(found, "Best constant box", "ham10000")[:2] == ["31.00 (1)", ""]
    assert texts(found, "Median constant box", "ham10000")[0] == "25.00 (1)"
    assert texts(found, "Answer-grid ceiling (tiny_s)", "ham10000")[0] == "100.00 (1)"


def test_boxes_and_ceiling_of_other_data_do_not_stand_in(table, fabricate):
    odd = fabricate(variant="dataset.boxes=largest")
    odd.metrics["constant_box"]["best"]["a50"] = 0.99
    assert texts(table("table1", fabricate(), odd), "Best constant box", "heel")[0] == "31.00 (1)"


def test_missing_metrics_stay_missing(table, fabricate):
    record = fabricate()
    record.metrics["constant_box"] = record.metrics["answer_grid"] = None
    record.metrics["final"]["map"] = None
    found = table("table1", record)
    assert texts(found, "Best constant box", "heel") == ["-", ""] * 3
    assert texts(found, "MedLoc-R1-3B piecewise", "heel")[4] == "-"


def test_differences_stand_below_the_rows_with_the_papers_stars(table, three_seeds):
    # differences 90-60, 92-61, 97-65: 30, 31, 32; mean 31, sd 1; t = 31 sqrt(3) = 53.7, p = 0.000347
    found = table("table1", *three_seeds(), *three_seeds("vlm_r1", a50=(0.60, 0.61, 0.65)))
    assert texts(found, "Δ (MedLoc-VLM)", "heel")[:2] == ["+31.00*** (3)", "+27.40***"]
    assert texts(found, "Δ (MedLoc-VTriune)", "heel")[:2] == ["-", "+26.56***"]
    assert texts(found, "Δ (MedLoc-SFT, ours)", "heel")[:2] == ["-", ""]
    assert texts(found, "Δ (MedLoc-VTriune matched, ours)", "heel")[:2] == ["-", ""]


def test_table_2_prints_which_criteria_are_active(table, fabricate):
    found = table("table2", fabricate(dataset="ham10000"))
    assert tuple(found.facts) == ("r̄ ≥ P", "m̄ ≥ Δ", "σ ≤ S")
    assert facts(found, "w/o IoU Margin Check") == ("✓", "✗", "✓")
    assert facts(found, "Best constant box") == ("", "", "")


def test_table_6_prints_paths_and_marks_equal_ones(table, fabricate):
    found = table("table6", fabricate(dataset="heel", variant="schedule.boundaries=[0.5,0.75]", a50=0.4))
    default, other = "0.15 0.10 0.55 0.75", "0.15 0.10 0.50 0.75"
    assert facts(found, default) == ("0.15", "0.10", "0.55", "0.75", "0.30 → 0.45 → 0.60 → 0.70 → 0.80", f"= {other}")
    assert facts(found, other)[-1] == f"= {default}"
    assert facts(found, "0.25 0.20 0.60 0.75")[-2:] == ("0.30 → 0.55 → 0.80", "")
    # every data set has its own rows; where a row is not asked for, nothing is missing either
    assert ("ham10000", "a50") not in at(found, other)
    assert texts(found, "0.20 0.15 0.60 0.75", "tn3k") == ["-", "66.31"]
    assert at(found, other)["heel", "a50"].text == "40.00 (1)"


def test_table_7_is_two_tables(values, fabricate):
    (row,) = [row for row in experiment("table7").rows if row.name == "Group size 4"]
    found = values(fabricate(**row.run("ham10000", 42).identity, a50=0.4))
    left, right = build_table(LEFT, found), build_table(RIGHT, found)
    assert datasets(left) == {"ham10000", "heel", "tn3k"}
    assert datasets(right) == {"ham10000"}
    assert texts(right, "Group size 4", "ham10000") == ["40.00 (1)", "89.10"]
    assert not any(number.row.startswith("Group") for number in left.numbers)


def test_rewards_have_no_paper(table, three_seeds):
    found = table("rewards", *three_seeds(), *three_seeds("raw_giou"))
    assert not any(number.paper_text for number in found.numbers)
    assert texts(found, "Raw GIoU", "heel")[0] == "93.00 ± 3.61 (3)"
    assert texts(found, "Δ MedLoc-R1 piecewise minus Raw GIoU", "heel")[0] == "+0.00 (3)"


def test_a_family_without_rows_has_no_table(table, fabricate):
    assert table("table1", fabricate(model="another")) is None


def test_real_data_ask_for_sets_at_hand_only(table, fabricate):
    real = fabricate(origin="real: HEEL")
    assert datasets(table("table1", real)) == {"heel"}
    assert table("table2", real) is None  # on HAM10000 alone


NAMES = [*(f"table{number}" for number in range(1, 9)), *OURS]


def tables_of(folder, *records):
    return all_tables(all_values(folder, records))


def test_without_a_record_every_table_says_what_is_missing(tmp_path):
    tables = tables_of(tmp_path)
    assert list(dict.fromkeys(table.name for table in tables)) == NAMES
    assert all(table.missing or table.lacking for table in tables)
    assert {table.heading for table in tables} == {"no complete run yet"}


def test_every_group_has_the_tables_it_has_numbers_for(fabricate, tmp_path):
    records = [fabricate(seed=seed) for seed in (42, 43)]
    tables = tables_of(tmp_path, *records, fabricate(origin="real: HEEL"), fabricate(steps=50, dataset="ham10000"))
    headings = {name: [table.heading for table in tables if table.name == name] for name in NAMES}
    phantom, real, short = (
        "phantom data, tiny models, train=tiny, 250 steps",
        "real data, tiny models, train=tiny, 250 steps",
        "phantom data, tiny models, train=tiny, 50 steps",
    )
    assert headings["table1"] == [phantom, short, real]
    assert headings["table2"] == [phantom, short]  # HAM10000 alone
    assert headings["table5"] == ["phantom data"]  # no image is counted of the real ones


@pytest.fixture(scope="module")
def with_others():
    """The tables of four runs of two rows, and of two runs that no row asks for."""
    runs = [fabricate_one(method, seed=seed, a50=seed / 100) for method in ("medloc", "vlm_r1") for seed in (42, 43)]
    others = [fabricate_one(a50=0.1, variant="window.size=7"), fabricate_one(schedule="identical")]
    return tables_of(Path("nowhere"), *runs, *others), runs, others


def test_runs_of_no_experiment_stand_apart(with_others):
    (other,) = [table for table in with_others[0] if table.name == "other"]
    assert [number.row for number in other.numbers[::3]] == [
        "medloc identical tiny_s",
        "medloc piecewise tiny_s window.size=7",
    ]
    assert datasets(other) == {"heel"}
    assert [number.text for number in other.numbers[3:]] == ["10.00 (1)", "20.00 (1)", "30.00 (1)"]


def test_a_model_that_stands_in_no_row_is_listed(values, fabricate):
    other = other_table(values(fabricate(model="another", a50=0.7)))
    assert {number.row for number in other.numbers} == {"medloc piecewise another"}


def test_a_thinned_grid_says_so_on_every_page(fabricate, tmp_path):
    write_grid(tmp_path, SMOKE)
    tables = tables_of(tmp_path, fabricate())
    assert all("SMOKE" in table.heading and "phantom" in table.heading for table in tables)


def test_files_of_all_forms_and_a_table_that_is_no_more_leaves_none(with_others, tmp_path):
    tables, *_ = with_others
    folder = tmp_path / "tables"
    assert len(write_tables(tables, folder)) == len(FORMS) * (len(NAMES) + 1)
    assert (folder / "other.md").exists()
    written = write_tables([table for table in tables if table.name != "other"], folder)
    assert [path.name for path in written] == [f"{name}.{ending}" for name in NAMES for ending in FORMS]
    assert all(path.stat().st_size for path in written)
    assert "# Table 7" in (folder / "table7.md").read_text(encoding="utf-8")
    assert not list(folder.glob("other.*"))


def test_the_order_of_the_records_changes_nothing(with_others):
    tables, runs, others = with_others
    again = tables_of(Path("nowhere"), *reversed(runs), *reversed(others))
    for form in FORMS.values():
        assert form(again) == form(tables)


def test_latex_of_every_table_is_plain(with_others):
    assert FORMS["tex"](with_others[0]).isascii()
