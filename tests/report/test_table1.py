import csv
import io

from medloc.report.groups import group_records
from medloc.report.layout import csv_text, markdown


def cells(text, dataset, row):
    """The printed cells of one row: ours and the paper's for each metric."""
    block = text.split(f"### {dataset}\n", 1)[1].split("###", 1)[0]
    line = next(line for line in block.splitlines() if line.startswith(f"| {row} "))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def three_seeds(fabricate, scores, method="medloc", **changes):
    # A@0.5 of 90, 92, 97 %: mean 93, sd sqrt(26 / 2) = 3.61; A@0.8 20, 30, 40: mean 30, sd 10; mAP always 30
    metrics = [scores(a50, a80) for a50, a80 in ((0.90, 0.20), (0.92, 0.30), (0.97, 0.40))]
    records = [fabricate(method, seed=seed, **changes) for seed in (42, 43, 44)]
    for record, final in zip(records, metrics, strict=True):
        record.metrics["final"] = final
    return records


def test_hand_computed_rows_beside_the_papers(fabricate, scores):
    text = markdown(group_records(three_seeds(fabricate, scores)))
    assert cells(text, "HEEL", "MedLoc-R1-3B piecewise") == [
        *("93.00 ± 3.61 (3)", "94.19 ± 1.94"),
        *("30.00 ± 10.00 (3)", "47.35 ± 2.67"),
        *("30.00 ± 0.00 (3)", "59.01 ± 1.89"),
    ]
    assert cells(text, "HEEL", "VLM-R1-3B")[:2] == ["-", "66.79 ± 3.21"]
    assert cells(text, "TN3K", "MedLoc-R1-3B piecewise")[:2] == ["-", "66.18 ± 1.94"]
    assert "phantom data, tiny models" in text.splitlines()[0]


def test_every_method_and_schedule_finds_its_row(fabricate):
    records = [
        fabricate("vlm_r1", a50=0.11),
        fabricate("raw_iou", a50=0.22),
        fabricate(schedule="linear", a50=0.33),
        fabricate(schedule="cosine", a50=0.44),
        fabricate(model="tiny_l", a50=0.55, fingerprints={"data": "data-heel", "model": "model-l"}),
    ]
    text = markdown(group_records(records))
    found = {
        row: cells(text, "HEEL", row)[0]
        for row in (
            "VLM-R1-3B",
            "Raw-IoU-3B",
            "MedLoc-R1-3B linear",
            "MedLoc-R1-3B cosine",
            "MedLoc-R1-32B piecewise",
        )
    }
    assert list(found.values()) == ["11.00 (1)", "22.00 (1)", "33.00 (1)", "44.00 (1)", "55.00 (1)"]
    assert cells(text, "HEEL", "MedLoc-R1-3B piecewise")[0] == "-"


def test_zero_shot_comes_from_any_run_and_counts_once(fabricate):
    from_start = markdown(group_records([fabricate(seed=42), fabricate(seed=43)]))
    assert cells(from_start, "HEEL", "Zero Shot-3B") == [
        "13.64 (1)",
        "13.64",
        "1.64 (1)",
        "1.64",
        "4.78 (1)",
        "4.78",
    ]
    measured = fabricate("zero_shot")
    measured.metrics["zero_shot"]["a50"] = 0.5
    assert cells(markdown(group_records([fabricate(), measured])), "HEEL", "Zero Shot-3B")[0] == "50.00 (1)"


def test_our_own_rows(fabricate):
    text = markdown(group_records([fabricate(seed=42), fabricate(seed=43)]))
    assert cells(text, "HEEL", "Best constant box")[:2] == ["31.00 (1)", "-"]
    assert cells(text, "HEEL", "Median constant box")[0] == "25.00 (1)"
    assert cells(text, "HEEL", "Answer-grid ceiling (tiny_s)")[2] == "97.00 (1)"


def test_other_runs_stand_apart(fabricate):
    records = [
        fabricate(a50=0.9),
        fabricate(a50=0.1, variant="window.unit=group"),
        fabricate(a50=0.2, schedule="identical"),
    ]
    table, other = markdown(group_records(records)).split("## Other runs")
    assert cells(table, "HEEL", "MedLoc-R1-3B piecewise")[0] == "90.00 (1)"
    assert cells(other, "HEEL", "medloc piecewise tiny_s window.unit=group")[0] == "10.00 (1)"
    assert cells(other, "HEEL", "medloc identical tiny_s")[0] == "20.00 (1)"
    assert "### TN3K" not in other


def test_a_model_that_stands_in_no_row_is_listed(fabricate):
    text = markdown(group_records([fabricate(model="another", a50=0.7)]))
    assert cells(text, "HEEL", "medloc piecewise another")[0] == "70.00 (1)"


def test_missing_metrics_stay_missing(fabricate):
    record = fabricate()
    record.metrics["constant_box"] = record.metrics["answer_grid"] = None
    record.metrics["final"]["map"] = None
    text = markdown(group_records([record]))
    assert cells(text, "HEEL", "Best constant box") == ["-"] * 6
    assert cells(text, "HEEL", "MedLoc-R1-3B piecewise")[4] == "-"


def test_csv_holds_the_same_numbers(fabricate, scores):
    rows = list(csv.DictReader(io.StringIO(csv_text(group_records(three_seeds(fabricate, scores))))))
    (found,) = [
        row for row in rows if (row["row"], row["dataset"], row["metric"]) == ("MedLoc-R1-3B piecewise", "heel", "a50")
    ]
    assert found == {
        "table": "table1",
        "group": "1",
        "setting": "phantom data, tiny models, train=tiny, 250 steps",
        "row": "MedLoc-R1-3B piecewise",
        "dataset": "heel",
        "metric": "a50",
        "mean": "93.0000",
        "sd": "3.6056",
        "n": "3",
        "paper_mean": "94.1900",
        "paper_sd": "1.9400",
    }
    empty = [row for row in rows if row["row"] == "SFT-3B"]
    assert {(row["mean"], row["sd"], row["n"]) for row in empty} == {("", "", "0")}
