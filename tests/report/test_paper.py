import yaml

from medloc.report.paper import NUMBERS, PaperCell, table1
from medloc.report.rows import DATASETS, ROWS


def test_every_cell_of_table_1_is_there():
    rows = table1()
    assert len(rows) == 12
    for row in rows.values():
        assert list(row) == list(DATASETS)
        assert all(list(cells) == ["a50", "a80", "map"] for cells in row.values())


def test_some_cells_as_printed():
    rows = table1()
    assert rows["MedLoc-R1-3B piecewise"]["heel"]["a80"] == PaperCell(47.35, 2.67)
    assert rows["Zero Shot-32B"]["ham10000"]["map"] == PaperCell(31.01, None)
    assert str(rows["V-Triune-3B"]["tn3k"]["a50"]) == "43.50 ± 2.65"
    assert str(rows["Zero Shot-3B"]["tn3k"]["a50"]) == "9.74"


def test_the_paper_prints_one_difference_wrong():
    # MedLoc-R1-3B piecewise minus each baseline: only Raw-IoU, TN3K, A@0.8 is off, 29.60 - 21.88 = 7.72.
    printed = yaml.safe_load(NUMBERS.read_text())["table1"]["differences"]
    baselines = {"MedLoc-VLM": "VLM-R1-3B", "MedLoc-VTriune": "V-Triune-3B", "MedLoc-RawIoU": "Raw-IoU-3B"}
    ours, wrong = table1()["MedLoc-R1-3B piecewise"], []
    for name, baseline in baselines.items():
        for dataset in DATASETS:
            for (metric, cell), (delta, _) in zip(ours[dataset].items(), printed[name][dataset], strict=True):
                if round(cell.mean - table1()[baseline][dataset][metric].mean, 2) != delta:
                    wrong.append((name, dataset, metric, delta))
    assert wrong == [("MedLoc-RawIoU", "tn3k", "a80", 6.72)]


def test_rows_find_their_method_size_and_schedule():
    found = {row.name: (row.method, row.size, row.schedule) for row in ROWS}
    assert found["Zero Shot-32B"] == ("zero_shot", "32B", None)
    assert found["VLM-R1-3B"] == ("vlm_r1", "3B", None)
    assert found["MedLoc-R1-7B piecewise"] == ("medloc", "7B", "piecewise")
    assert [row.name for row in ROWS] == list(table1())
