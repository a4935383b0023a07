import subprocess
import sys

import pytest

from medloc.records.provenance import CHECKOUT
from medloc.report.__main__ import main, results_folder


def test_tables_are_the_same_bytes_when_made_again(results, fabricate, capsys):
    records = [fabricate(method, seed=seed) for method in ("medloc", "vlm_r1") for seed in (42, 43, 44)]
    folder = results(*records)
    assert main([f"results={folder}"]) == 0
    first = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    printed = capsys.readouterr().out
    assert main([f"results={folder}"]) == 0
    assert {path.name: path.read_bytes() for path in (folder / "tables").iterdir()} == first
    names = [*(f"table{number}" for number in range(1, 9)), "rewards"]
    tables = {f"{name}.{ending}" for name in names for ending in ("md", "tex", "csv")}
    assert set(first) == tables | {f"{name}.{ending}" for name in ("audit", "claims") for ending in ("md", "csv")}
    assert capsys.readouterr().out == printed
    assert "Found 6 records" in printed
    assert "Table 1: phantom data, tiny models, train=tiny, 250 steps" in printed


def test_a_deleted_record_changes_the_table_and_is_named(results, fabricate, capsys):
    folder = results(*[fabricate(seed=seed) for seed in (42, 43, 44)])
    (folder / "runs" / fabricate(seed=44).key / "record.json").unlink()
    assert main([f"results={folder}"]) == 0
    assert "(2)" in capsys.readouterr().out
    table = (folder / "tables" / "table1.md").read_text(encoding="utf-8")
    command = "medloc.run dataset=heel model=tiny_s method=medloc schedule=piecewise train.max_steps=250 seed=44"
    for text in (table, (folder / "report.html").read_text(encoding="utf-8")):
        assert "MedLoc-R1-3B piecewise, heel, seed 44" in text
        assert command in text


def test_every_state_and_every_alien_is_said(results, fabricate, capsys):
    folder = results(
        fabricate(seed=42),
        fabricate(seed=43, status="failed", reason="RuntimeError: out of memory"),
        fabricate(seed=44, status="running"),
    )
    (folder / "runs" / "torn").mkdir()
    (folder / "runs" / "torn" / "record.json").write_text('{"schema": 1, ')
    assert main([f"results={folder}"]) == 0
    printed = capsys.readouterr().out
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
