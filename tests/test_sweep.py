"""The command the project exists for, at a few images: nine runs, then none, then the table."""

import pytest

from medloc.report.__main__ import main as report
from tests.small import medloc, overrides, run_here

SWEEP = ("-m", "schedule=piecewise,linear,cosine", "seed=42,43,44")


@pytest.mark.slow
def test_nine_runs_then_none_then_the_table(tmp_path, capfd, monkeypatch):
    given = [*SWEEP, *overrides(tmp_path / "results", tmp_path / "cache", "train.max_steps=2", "evaluation.points=1")]
    first = medloc("run", *given)
    assert (first.returncode, first.stderr) == (0, "")  # no bar where there is no terminal
    records = sorted((tmp_path / "results" / "runs").glob("*/record.json"))
    assert len(records) == 9
    written = [path.stat().st_mtime_ns for path in records]
    again = run_here(capfd, monkeypatch, *given)
    assert again.stdout.count("nothing to do") == 9
    assert [path.stat().st_mtime_ns for path in records] == written
    assert report([f"results={tmp_path / 'results'}"]) == 0
    assert "9 complete" in capfd.readouterr().out
    written_down = "".join(page.read_text() for page in (tmp_path / "results" / "tables").glob("*.md"))
    for name in ("piecewise", "linear", "cosine"):
        assert name in written_down
