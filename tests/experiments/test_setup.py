"""Whole and reduced grids never share a folder."""

import pytest

from medloc.experiments.plan import Setup, wanted
from medloc.experiments.reduced import SMOKE, WHOLE, ReducedGrid, open_folder, read_grid
from medloc.experiments.rows import planned_run
from medloc.reproduce import main
from medloc.runs import write_record
from tests.report.conftest import fabricate

FEW = ReducedGrid(("dataset.phantom.test=8",))


def with_runs(results):
    write_record(results / "runs" / "key", fabricate(key="key"))
    return results


def test_a_thinned_grid_leaves_its_note(tmp_path):
    open_folder(tmp_path, SMOKE, default=False, write=False)
    assert read_grid(tmp_path) == WHOLE
    open_folder(tmp_path, SMOKE, default=False, write=True)
    assert read_grid(tmp_path) == SMOKE
    open_folder(with_runs(tmp_path), SMOKE, default=False, write=True)  # more of the same


def test_seeds_and_data_sets_add_up(tmp_path):
    open_folder(tmp_path, ReducedGrid(FEW.overrides, (42,), ("heel",)), default=False, write=True)
    open_folder(tmp_path, ReducedGrid(FEW.overrides, (43,), ()), default=False, write=True)
    assert read_grid(tmp_path) == ReducedGrid(FEW.overrides, (42, 43), ())  # () is all data sets


def test_a_whole_grid_leaves_none(tmp_path):
    narrowed = ReducedGrid(("train.max_steps=600", "train=paper"), (42,), ("heel",))  # whole runs, if not all of them
    open_folder(with_runs(tmp_path), narrowed, default=True, write=True)
    assert read_grid(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("there", "then", "says"),
    [
        (SMOKE, WHOLE, r"holds a reduced grid \(SMOKE dataset\.phantom\.train=16 .*\); give another folder\.$"),
        (SMOKE, FEW, r"holds runs reduced otherwise \(SMOKE "),
        (FEW, ReducedGrid(FEW.overrides, smoke=True), r"holds runs reduced otherwise \(dataset\.phantom\.test=8\)"),
        (None, FEW, r"is for whole runs, and these are reduced \(dataset\.phantom\.test=8\); .* results=PATH\.$"),
        (None, SMOKE, r"is for whole runs, and these are reduced \(SMOKE "),
    ],
)
def test_kinds_are_kept_apart(there, then, says, tmp_path):
    if there is not None:
        open_folder(tmp_path, there, default=False, write=True)
    with_runs(tmp_path)
    with pytest.raises(ValueError, match=says):
        open_folder(tmp_path, then, default=False, write=True)


def test_the_checkout_s_own_folder_is_for_whole_runs(tmp_path):
    with pytest.raises(ValueError, match="is for whole runs"):
        open_folder(tmp_path, SMOKE, default=True, write=True)
    assert not list(tmp_path.iterdir())


def test_all_is_every_experiment_and_names_may_repeat():
    assert len(wanted(("all", "table2"), "tiny", WHOLE)) == 20
    assert [each.name for each in wanted(("table2", "table1", "table2"), "tiny", WHOLE)] == ["table2", "table1"]


@pytest.mark.parametrize(
    "word", ["seed=1", "dataset=heel", "method=medloc", "schedule=cosine", "model=x", "rerun=true"]
)
def test_what_the_rows_say_cannot_be_overridden(word, capsys):
    assert main(["table2", "train.max_steps=4", word]) == 2
    assert f": {word} is for the rows of experiments/ to say" in capsys.readouterr().err


def test_a_run_is_told_where_it_lies_and_its_own_root(tmp_path):
    setup = Setup((), tmp_path, WHOLE, ("threads=1",), {"heel": "/data/heel"})
    heel, tn3k = (planned_run(("method=zero_shot", f"dataset={name}")) for name in ("heel", "tn3k"))
    assert setup.overrides(heel) == (*heel.overrides, "dataset.root=/data/heel", "threads=1", f"results={tmp_path}")
    assert setup.overrides(tn3k) == (*tn3k.overrides, "threads=1", f"results={tmp_path}")
