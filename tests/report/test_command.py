import io
import shutil
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

from medloc.report.__main__ import found_lines, main, results_folder
from medloc.report.tables.listing import OURS
from medloc.report.whole import summary_lines, write_report
from medloc.runs import Found, find_records, write_record
from medloc.runs.provenance import CHECKOUT
from tests.report.conftest import fabricate as fabricate_one
from tests.report.grid import planned


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with six runs and its report, written over an older one, and what the command printed."""
    folder = tmp_path_factory.mktemp("made") / "results"
    for record in [fabricate_one(method, seed=seed) for method in ("medloc", "vlm_r1") for seed in (42, 43, 44)]:
        write_record(folder / "runs" / record.key, record)
    (folder / "tables").mkdir()
    for name in ("heights", "sparsity", "folds", "other"):  # tables that these runs have no line for
        (folder / "tables" / f"{name}.md").touch()
        (folder / "tables" / f"{name}.csv").touch()
    said = io.StringIO()
    with redirect_stdout(said):
        assert main([f"results={folder}"]) == 0
    return folder, said.getvalue()


def test_the_tables_are_there_and_no_older_ones(made):
    names = [*(f"table{number}" for number in range(1, 9)), *OURS]
    wanted = {f"{name}.{ending}" for name in names for ending in ("md", "tex", "csv")}
    wanted |= {f"{name}.{ending}" for name in ("claims", "audit") for ending in ("md", "csv")}
    assert {path.name for path in (made[0] / "tables").iterdir()} == wanted
    assert (made[0] / "report.html").is_file()


def test_everything_is_the_same_bytes_when_made_again(made, capsys):
    folder, printed = made
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main([f"results={folder}"]) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    assert capsys.readouterr().out == printed


def test_the_summary_is_short_and_says_where_the_rest_is(made):
    folder, printed = made
    assert "Found 6 records" in printed
    assert "Table 1: phantom data, tiny models, train=tiny, 250 steps" in printed
    assert "90.00 ± 0.00 (3)" in printed
    assert "SFT-3B " not in printed  # no row without a number
    assert "HAM10000" not in printed  # no data set without a number
    assert "Claims of the paper: " in printed
    assert f"All on one page: {folder / 'report.html'}" in printed
    assert len(printed.splitlines()) < 30


def test_a_deleted_record_changes_the_table_and_is_named(made, tmp_path, capsys):
    folder = tmp_path / "results"
    shutil.copytree(made[0], folder)
    (folder / "runs" / fabricate_one(seed=44).key / "record.json").unlink()
    assert main([f"results={folder}"]) == 0
    assert "(2)" in capsys.readouterr().out
    words = "medloc.run dataset=heel model=tiny_s method=medloc schedule=piecewise train.max_steps=250 seed=44"
    for name in ("tables/table1.md", "report.html"):
        text = (folder / name).read_text()
        assert "MedLoc-R1-3B piecewise, heel, seed 44" in text
        assert words in text


def test_few_missing_runs_of_table_1_are_named_at_once(tmp_path):
    runs = planned("table1")
    records = [fabricate_one(**run.identity) for run in runs if run != runs[-1]]
    content = write_report(tmp_path / "no folder, so that nothing is drawn", Found(records, []))
    printed = "\n".join(summary_lines(content))
    assert "MedLoc-R1-3B cosine, tn3k, seed 44:" in printed
    assert "python -m medloc.run dataset=tn3k model=tiny_s method=medloc schedule=cosine" in printed


def test_every_state_and_every_alien_is_said(results, fabricate):
    folder = results(
        fabricate(seed=42),
        fabricate(seed=43, status="failed", reason="RuntimeError: out of memory"),
        fabricate(seed=44, status="running"),
    )
    (folder / "runs" / "torn").mkdir()
    (folder / "runs" / "torn" / "record.json").write_text('{"schema": 1, ')
    printed = "\n".join(found_lines(folder, find_records(folder)))
    assert f"Found 3 records in {folder / 'runs'}: 1 complete, 1 failed, 1 running." in printed
    assert "(medloc piecewise tiny_s heel seed 43): RuntimeError: out of memory" in printed
    assert "not read: runs/torn/record.json: not whole JSON" in printed


@pytest.mark.parametrize("there", [True, False])
def test_no_record_says_what_to_run(tmp_path, capsys, there):
    folder = tmp_path / "results"
    if there:
        folder.mkdir()
    assert main([f"results={folder}"]) == 0
    printed = capsys.readouterr().out
    assert "Make the first with: python -m medloc.run" in printed
    assert "no complete run yet" in printed
    assert (folder / "tables" / "table1.md").exists() == there
    if there:
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert "no complete run yet" in page
        assert "python -m medloc.reproduce all" in page
        assert "<svg" not in page


def test_where_results_are_looked_for(tmp_path):
    assert results_folder([]) == CHECKOUT / "results"
    assert results_folder(["results=published"]) == CHECKOUT / "results" / "published"
    assert results_folder([f"results={tmp_path}"]) == tmp_path


def test_a_wrong_argument_is_one_line(capsys):
    assert main(["result=here"]) == 2
    assert "result=here is no argument of medloc.report; give results=PATH" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from medloc.report.__main__ import main; main(['--help']);"
        "assert not {'torch', 'numpy', 'pandas', 'matplotlib', 'yaml'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "results=published" in said
