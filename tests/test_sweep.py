"""The command the project exists for, at a few images: nine runs, then none, then the table."""

import pytest

from tests.small import medloc, overrides

SWEEP = ("-m", "schedule=piecewise,linear,cosine", "seed=42,43,44")


@pytest.mark.slow
def test_nine_runs_then_none_then_the_table(tmp_path):
    given = [*SWEEP, *overrides(tmp_path / "results", tmp_path / "cache")]
    first = medloc("run", *given)
    assert first.returncode == 0, first.stderr
    records = sorted((tmp_path / "results" / "runs").glob("*/record.json"))
    assert len(records) == 9
    written = [path.stat().st_mtime_ns for path in records]
    again = medloc("run", *given)
    assert again.stdout.count("nothing to do") == 9
    assert [path.stat().st_mtime_ns for path in records] == written
    table = medloc("report", f"results={tmp_path / 'results'}")
    assert table.returncode == 0
    assert "9 complete" in table.stdout
    written_down = "".join(page.read_text() for page in (tmp_path / "results" / "tables").glob("*.md"))
    for name in ("piecewise", "linear", "cosine"):
        assert name in written_down
