"""Runs are worked through in processes: every result comes back, and a dead process is its own run's failure."""

import sys

import pytest

from medloc.experiments import launchers as launch
from medloc.experiments.launchers import joblib_launch, serially, submitit_launch
from tests.experiments.tasks import quick, run_of


@pytest.fixture(autouse=True)
def quick_runs(monkeypatch):
    monkeypatch.setattr(launch, "do_run", quick)


def tasks(*words):
    return [(run_of(seed), (word,)) for seed, word in enumerate(words)]


def ends(results):
    return {result.run.identity["seed"]: result.reason for result in results}


def test_one_after_the_other_in_order():
    results = list(serially(tasks("", "fail", "")))
    assert [result.run.identity["seed"] for result in results] == [0, 1, 2]
    assert ends(results) == {0: None, 1: "ValueError: no", 2: None}


def test_joblib_in_one_process_brings_back_every_result():
    assert ends(joblib_launch(1)(tasks("", "fail", "", ""))) == {0: None, 1: "ValueError: no", 2: None, 3: None}


def test_a_process_that_dies_fails_its_own_run_only():
    """The two deaths stand apart: the second comes after the pool was made anew."""
    found = ends(joblib_launch(2)(tasks("fail", "die", "", "", "die")))
    assert found == {0: "ValueError: no", 1: launch.DIED, 2: None, 3: None, 4: launch.DIED}


def test_a_cluster_needs_submitit(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "submitit", None)  # as if it were not installed
    with pytest.raises(ValueError, match=r"^--launch submitit needs the package submitit, which is not installed; "):
        submitit_launch(tmp_path, {})


@pytest.mark.slow
def test_a_cluster_brings_back_every_result(tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed (`pip install 'medloc[cluster]'`)")
    submit = submitit_launch(tmp_path, {"cluster": "local", "timeout_min": 2})
    found = ends(submit(tasks("", "fail", "die")))
    assert (found[0], found[1]) == (None, "ValueError: no")
    assert found[2].startswith(launch.DIED)
    with pytest.raises(ValueError, match=r"^--cluster: "):
        submitit_launch(tmp_path, {"cluster": "moon"})
