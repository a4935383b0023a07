"""The notebooks run from top to bottom, and are kept without outputs."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.report.conftest import fabricate
from tests.report.grid import fill, planned
from tests.small import CHECKOUT

FOLDER = CHECKOUT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def execute(name, results, monkeypatch):
    """Runs a notebook and returns everything it printed or showed as text."""
    monkeypatch.setenv("MEDLOC_RESULTS", str(results))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(CHECKOUT)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    text = "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    return text, pictures


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
        else:
            assert len(cell.source) < 600, "keep the text between cells short"


def test_there_are_three():
    assert [path.stem for path in NOTEBOOKS] == ["01_the_curriculum", "02_results", "03_your_data"]


def test_the_curriculum_replays_and_raises(tmp_path, monkeypatch):
    text, pictures = execute("01_the_curriculum", tmp_path, monkeypatch)
    assert "answers made up for this notebook: 200 steps of 8 groups of 8 answers" in text
    assert "raises after steps [" in text
    assert "raises after steps []" not in text
    assert pictures == 2


def test_results_without_a_run_say_how_to_make_some(tmp_path, monkeypatch):
    text, pictures = execute("02_results", tmp_path, monkeypatch)
    assert "0 complete runs" in text
    assert "python -m medloc.run -m" in text
    assert pictures == 0


@pytest.mark.slow
def test_results_of_every_run_of_a_figure(tmp_path, monkeypatch):
    fill(tmp_path, planned("figure5"), tmp_path / "cache")
    text, pictures = execute("02_results", tmp_path, monkeypatch)
    assert "27 complete runs of 27" in text
    assert "piecewise" in text
    assert pictures == 1
    assert fabricate().label in text


@pytest.mark.slow
def test_your_data_from_masks_to_a_record(tmp_path, monkeypatch):
    text, pictures = execute("03_your_data", tmp_path, monkeypatch)
    assert "real: main - 24 to train on, 12 to test" in text
    assert "schedule.tau0=" in text or "no tau0 to advise" in text
    assert "trained (medloc, piecewise, 6 steps)" in text
    assert "'record.json'" in text
    assert pictures >= 1
