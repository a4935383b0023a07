import pytest

from medloc.experiments.catalog import experiment
from medloc.report.paper import ACCURACY_TABLES
from medloc.report.table_list import DESCRIPTIONS, OURS, TABLE1_PAIRS


def test_every_table_of_the_paper_and_ours():
    assert {one.name for one in DESCRIPTIONS} == {f"table{number}" for number in ACCURACY_TABLES} | set(OURS)


@pytest.mark.parametrize("described", DESCRIPTIONS, ids=lambda one: f"{one.name}{one.part}")
def test_rows_settings_and_differences_are_those_of_the_experiment_and_the_paper(described):
    rows = {row.name for row in experiment(described.name).rows if described.holds(row.name)}
    assert set(described.minuends) <= rows
    assert {name for pair in described.pairs for name in (pair.minuend, pair.subtrahend)} <= rows
    if described.paper:
        printed = {row for row in described.paper.rows if described.holds(row)}
        assert printed <= rows
        assert described.metrics == described.paper.columns
        for settings in described.paper.settings.values():
            assert set(described.settings) <= set(settings)


def test_table_1_subtracts_what_the_paper_subtracts():
    (table1,) = [one for one in DESCRIPTIONS if one.name == "table1"]
    ours = {pair.printed: (pair.minuend, pair.subtrahend) for pair in TABLE1_PAIRS if pair.printed}
    assert ours == table1.paper.pairs
    assert [pair.name for pair in TABLE1_PAIRS if not pair.printed] == [
        "Δ (MedLoc-VTriune matched, ours)",
        "Δ (MedLoc-SFT, ours)",
    ]


def test_every_median_is_held_against_piecewise_and_both_dense_rewards():
    (median,) = [one for one in DESCRIPTIONS if one.name == "median"]
    subtracted = {}
    for pair in median.pairs:
        subtracted.setdefault(pair.minuend, []).append(pair.subtrahend)
    rivals = ["MedLoc-R1 piecewise", "Raw IoU", "Raw GIoU"]
    assert subtracted == {
        "Median of IoU": ["Median of IoU, may fall", *rivals],
        "Median of IoU, may fall": rivals,
        "Median of GIoU": ["Median of GIoU, may fall", *rivals],
        "Median of GIoU, may fall": rivals,
    }
