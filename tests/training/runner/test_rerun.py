"""A run's folder whose record cannot be read: moved aside when asked to, and never overwritten by an older medloc."""

import json
import shutil

import pytest

from medloc.runs import SCHEMA, read_record
from medloc.runs.claim import claim
from medloc.spec.compose import compose_job
from medloc.training.runner import runner
from medloc.training.runner.runner import run_job
from tests.small import overrides


@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    """A complete run, below the folder that is returned."""
    results = tmp_path_factory.mktemp("results")
    run_job(compose_job(overrides(results, cache, "method=zero_shot")))
    return results


@pytest.fixture
def folder(made, tmp_path):
    """The folder of a copy of it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (path,) = tmp_path.glob("runs/*/record.json")
    return path.parent


@pytest.fixture
def run(tmp_path, cache):
    return lambda *more: run_job(compose_job(overrides(tmp_path, cache, "method=zero_shot", *more)))


def torn(text):
    return text[: len(text) // 2]


def older(text):
    return json.dumps({**json.loads(text), "schema": SCHEMA - 1})


def newer(text):
    return json.dumps({**json.loads(text), "schema": SCHEMA + 1, "more": True})


def nothing(text):
    return ""


@pytest.mark.parametrize("damage", [torn, older, newer, nothing])
def test_rerun_moves_the_folder_aside_whatever_its_record_is(damage, folder, run):
    path = folder / "record.json"
    metrics, text = read_record(path).metrics, damage(path.read_text())
    path.write_text(text)
    (folder / "start.jsonl").write_text("answers of before")
    again = run("rerun=true")
    assert (again.fresh, again.record.status) == (True, "complete")
    (moved,) = folder.parent.glob(f"{folder.name}.moved-*")
    assert (moved / "record.json").read_text() == text
    assert (moved / "start.jsonl").read_text() == "answers of before"
    assert again.record.metrics == metrics


@pytest.mark.parametrize("damage", [torn, older, nothing])
def test_without_rerun_a_record_that_says_nothing_is_made_again(damage, folder, run):
    path = folder / "record.json"
    metrics = read_record(path).metrics
    path.write_text(damage(path.read_text()))
    assert run().record.metrics == metrics


def test_a_newer_record_is_refused_and_stays(folder, run):
    text = newer((folder / "record.json").read_text())
    (folder / "record.json").write_text(text)
    with pytest.raises(ValueError, match=rf"record\.json: schema={SCHEMA + 1} is of a newer medloc .* rerun=true"):
        run()
    assert (folder / "record.json").read_text() == text


def test_rank_0_claims_for_all(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "is_main_process", lambda: False)
    with claim(tmp_path / "run"), runner._claimed(tmp_path / "run", wait=False):
        pass
