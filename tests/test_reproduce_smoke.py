"""A thinned grid goes through every table, figure and method, and every page it leaves says SMOKE."""

import os
import subprocess
import sys

import pytest

from medloc.experiments.catalog import experiments
from medloc.experiments.reduced import SMOKE
from medloc.runs import find_records
from tests.small import medloc

HALF_AN_HOUR = 1800  # s, on two cores


@pytest.mark.slow
def test_every_method_table_and_figure(tmp_path):
    given = ("all", "--smoke", f"results={tmp_path / 'results'}", f"cache={tmp_path / 'cache'}")
    command = [sys.executable, "-m", "medloc.reproduce", *given, "--launch", "joblib", "--jobs", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=HALF_AN_HOUR, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    wanted = {run for each in experiments(grid=SMOKE) for run in each.runs()}
    records = find_records(tmp_path / "results").records
    assert {record.status for record in records} == {"complete"}
    made = {named(record.identity) for record in records}
    assert made == {named(run.identity) for run in wanted}

    again = medloc("reproduce", *given, "--dry-run")
    assert f"{len(made)} complete, 0 to do" in again.stdout

    report = medloc("report", f"results={tmp_path / 'results'}")
    assert report.returncode == 0, report.stderr
    pages = [tmp_path / "results" / "report.html", *(tmp_path / "results" / "tables").glob("*.md")]
    assert len(pages) > 12
    silent = [page.name for page in pages if "SMOKE" not in page.read_text(encoding="utf-8")]
    assert silent == ["audit.md"]  # the paper against itself, whatever was run


def named(identity):
    """The words that a plan and a record share."""
    return tuple(identity[word] for word in ("dataset", "model", "method", "schedule", "train", "seed", "variant"))
