import copy
from collections import Counter
from itertools import chain

import pytest
import yaml

from medloc.report.frame import DATASETS
from medloc.report.paper import (
    NUMBERS,
    SETS,
    PaperCell,
    PaperDifference,
    PaperTable,
    class_counts,
    paper_table,
    paper_text,
    validated,
)

PAPER_SHAPES = {  # table: rows, data sets of a row (or None where they differ), metrics, cells
    1: (12, 3, 3, 108),  # 12 * 9
    2: (7, 1, 1, 7),
    3: (4, 1, 1, 4),
    4: (4, 1, 1, 4),
    6: (6, None, 1, 12),  # three data sets of four lines; two lines have another beta1 on HAM10000
    7: (8, None, 1, 16),  # 4 * 3 on the left, 4 group sizes on the right
    8: (4, 2, 3, 24),  # 4 * 6
}


@pytest.mark.parametrize("number", PAPER_SHAPES)
def test_every_cell_is_there(number):
    rows, sets, metrics, cells = PAPER_SHAPES[number]
    table = paper_table(number)
    assert len(table.rows) == rows
    assert len(table.columns) == metrics
    assert len(list(table.cells())) == cells
    assert all(sets in (None, len(row)) for row in table.rows.values())
    assert all(list(line) == list(table.columns) for row in table.rows.values() for line in row.values())


def test_175_cells_81_with_an_sd_and_27_differences():
    # Table 1: nine trained rows of nine cells have an sd, three zero-shot rows none, as no other table
    spread = Counter(
        number for number in PAPER_SHAPES for *_, cell in paper_table(number).cells() if cell.sd is not None
    )
    assert spread == {1: 81}
    assert sum(len(list(paper_table(number).cells())) for number in PAPER_SHAPES) == 175
    stars = [
        cell.stars for row in paper_table(1).differences.values() for line in row.values() for cell in line.values()
    ]
    # by row: * ** *** *** ** *** *** ** **, ** ** ** *** ** *** * ** **, ** ** ** ** *** ** ** ** ***
    assert Counter(stars) == {"*": 2, "**": 17, "***": 8}


def test_data_sets_are_in_the_order_of_the_columns():
    assert tuple(DATASETS)[: len(SETS)] == SETS
    for row in paper_table(1).rows.values():
        assert list(row) == list(SETS)


@pytest.mark.parametrize(
    ("number", "row", "dataset", "metric", "mean", "sd"),
    [
        (1, "Zero Shot-32B", "ham10000", "map", 31.01, None),
        (1, "MedLoc-R1-3B piecewise", "heel", "a80", 47.35, 2.67),
        (1, "MedLoc-R1-3B cosine", "tn3k", "map", 37.01, 3.64),
        (1, "VLM-R1-3B", "heel", "a80", 4.17, 0.73),
        (2, "w/o Reward Check", "ham10000", "a50", 82.33, None),
        (2, "Only Stability Check", "ham10000", "a50", 86.87, None),
        (3, "Fixed-Aggressive", "ham10000", "a50", 71.54, None),
        (4, "Identical-δk = 0.15", "ham10000", "a50", 79.64, None),
        (6, "0.10 0.05 0.55 0.70", "ham10000", "a50", 92.23, None),
        (6, "0.20 0.15 0.60 0.75", "tn3k", "a50", 66.31, None),
        (7, "BoxMed-RL", "heel", "a50", 74.51, None),
        (7, "Group size 10", "ham10000", "a50", 94.36, None),
        (8, "MedLoc-4B (InternVL)", "heel", "a80", 45.19, None),
    ],
)
def test_some_cells_as_printed(number, row, dataset, metric, mean, sd):
    assert paper_table(number).cell(row, dataset, metric) == PaperCell(mean, sd)


def test_a_cell_that_is_not_printed_is_none():
    assert paper_table(6).cell("0.10 0.05 0.55 0.70", "heel", "a50") is None
    assert paper_table(2).cell("Full (Ours)", "ham10000", "map") is None
    assert paper_table(2).cell("another", "ham10000", "a50") is None


def test_cells_print_as_in_the_paper():
    assert str(paper_table(1).rows["V-Triune-3B"]["tn3k"]["a50"]) == "43.50 ± 2.65"
    assert str(paper_table(1).rows["Zero Shot-3B"]["tn3k"]["a50"]) == "9.74"
    assert paper_table(1).differences["MedLoc-RawIoU"]["tn3k"]["map"] == PaperDifference(8.68, "***")
    assert str(paper_table(1).differences["MedLoc-VLM"]["ham10000"]["a50"]) == "+29.81*"


def test_settings_are_what_the_tables_print():
    assert paper_table(2).settings["Only Reward Check"] == {"reward": True, "margin": False, "stability": False}
    assert paper_table(3).settings["Fixed-Moderate"] == {"step": 0.10, "P": 0.70, "S": 0.25}
    assert paper_table(7).settings["Group size 6"] == {"group_size": 6}
    for number in (2, 3, 4, 6):
        assert list(paper_table(number).settings) == list(paper_table(number).rows)
    for row, values in paper_table(6).settings.items():
        assert row == " ".join(f"{value:.2f}" for value in values.values())


def test_class_counts():
    counts = class_counts()
    assert {dataset: len(classes) - 1 for dataset, classes in counts.items()} == {"ham10000": 7, "heel": 3, "tn3k": 2}
    assert counts["ham10000"]["bkl"] == (868, 231)
    assert counts["tn3k"]["Total"] == (2655, 544)
    assert sum(len(classes) for classes in counts.values()) == 15


def test_sentences_name_cells_that_exist():
    text = paper_text()
    for entry in text["differences"]:
        assert all(paper_table(number).cell(*rest) for number, *rest in entry["cells"])
    for number, row in [text["unnamed_schedule"]["row"], *chain.from_iterable(text["same"].values())]:
        assert row in paper_table(number).rows
    assert set(text["baselines"]) <= set(paper_table(1).rows)


@pytest.mark.parametrize("number", [0, 5, 9])
def test_other_tables_hold_no_accuracies(number):
    with pytest.raises(KeyError, match=f"table {number} holds no accuracies; known: 1, 2, 3, 4, 6, 7, 8"):
        paper_table(number)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("columns",), ["a50", "a90", "map"], "table1.columns.1=a90: Input should be 'a50', 'a80' or 'map'"),
        (("rows", "SFT-3B", "heel"), [[92.01, 1.43], [45.18, 3.42]], "SFT-3B heel has 2 cells; the table has 3"),
        (("rows", "SFT-3B", "heel"), [[], [45.18], [56.25]], "table1.rows.SFT-3B.heel.a50.0 is missing"),
        (("rows", "SFT-3B", "heel"), [[92], [45.18], [56.25]], "heel.a50.0=92: must be printed with decimals"),
        (("rows", "SFT-3B", "heel"), [[920.1], [45.18], [56.25]], "heel.a50.0=920.1: Input should be less than"),
        (("rows", "SFT-3B", "heel"), [[9.1, 0.1, 0.2], [45.18], [56.25]], "heel.a50"),
        (("rows", "SFT-3B", "HEEL"), [[92.01], [45.18], [56.25]], "table1.rows.SFT-3B.HEEL.* should be 'ham10000'"),
        (("rows", "SFT-3B"), {}, "table1.rows.SFT-3B={}: Dictionary should have at least 1 item"),
        (
            ("differences", "MedLoc-VLM", "heel"),
            [[27.4, "+"], [43.18, ""], [37.6, ""]],
            "heel.a50.1=.: Input should be",
        ),
        (("pairs", "MedLoc-VLM"), ["MedLoc-R1-3B piecewise", "VLM-R1"], "'VLM-R1' is no row of the table"),
        (("settings",), {"SFT": {}}, "'SFT' is no row of the table"),
        (("pairs",), {}, "table1: pairs must name"),
    ],
)
def test_a_number_that_does_not_fit_is_named(path, value, message):
    found = copy.deepcopy(yaml.safe_load(NUMBERS.read_text(encoding="utf-8"))["table1"])
    *above, last = path
    inner = found
    for word in above:
        inner = inner[word]
    inner[last] = value
    with pytest.raises(ValueError, match=message):
        validated(PaperTable, {"number": 1, **found}, NUMBERS.name, "table1")
