import pytest

from medloc.curriculum.schedule import Cosine, Fixed, Identical, Linear, Piecewise
from medloc.experiments.catalog import experiment
from medloc.report.tau_path import MOST, path_text, schedule_of, tau_path


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


def test_as_printed():
    assert path_text((0.3, 0.45)) == "0.30 → 0.45"
