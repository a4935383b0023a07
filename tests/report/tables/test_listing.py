import pytest

from medloc.curriculum.schedule import Cosine, Fixed, Identical, Linear, Piecewise
from medloc.experiments.catalog import experiment
from medloc.report.paper import ACCURACY_TABLES
from medloc.report.tables.listing import DESCRIPTIONS, MOST, OURS, schedule_of, tau_path


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
    ours = {pair.printed: (pair.minuend, pair.subtrahend) for pair in table1.pairs if pair.printed}
    assert ours == table1.paper.pairs
    assert [pair.name for pair in table1.pairs if not pair.printed] == [
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


@pytest.mark.parametrize(
    ("deltas", "boundaries", "path"),
    [
        # .3 + .15 + .15 = .60 lies at or above .55: + .10 = .70; below .75: + .10 = .80
        ([0.15, 0.10, 0.05], [0.55, 0.75], (0.3, 0.45, 0.6, 0.7, 0.8)),
        ([0.15, 0.10, 0.05], [0.50, 0.75], (0.3, 0.45, 0.6, 0.7, 0.8)),
        ([0.10, 0.05, 0.05], [0.50, 0.70], (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)),
        ([0.20, 0.15, 0.05], [0.60, 0.75], (0.3, 0.5, 0.7, 0.8)),  # .85 is cut to the target
        ([0.25, 0.20, 0.05], [0.60, 0.75], (0.3, 0.55, 0.8)),
    ],
)
def test_hand_computed_paths(deltas, boundaries, path):
    assert tau_path(Piecewise(0.3, 0.8, deltas, boundaries)) == path


def test_every_schedule_has_a_path():
    assert tau_path(Fixed(0.5)) == (0.5,)
    assert tau_path(Identical(0.3, 0.8, 0.25)) == (0.3, 0.55, 0.8)
    for schedule in (Linear(0.2, 0.8, 0.2), Cosine(0.2, 0.8, 0.2)):
        path = tau_path(schedule)
        assert len(path) == MOST
        assert path[:2] == (0.2, 0.4)
        assert list(path) == sorted(path)


def test_a_rows_schedule_is_the_defaults_with_its_own_values():
    rows = {row.name: row for name in ("table1", "table4", "table6") for row in experiment(name).rows}
    assert schedule_of(rows["MedLoc-R1-3B cosine"]) == Cosine(0.2, 0.8, 0.2)
    assert schedule_of(rows["Identical-δk = 0.05"]) == Identical(0.3, 0.8, 0.05)
    assert schedule_of(rows["0.20 0.15 0.60 0.75"]) == Piecewise(0.3, 0.8, (0.2, 0.15, 0.05), (0.6, 0.75))
