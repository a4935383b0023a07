"""What depends on model, data and question alone is computed once, whatever the seed; anything else computes anew."""

import shutil

import pytest

from medloc.models.base import BASES
from medloc.spec.compose import compose_job
from medloc.training.runner.runner import run_job
from medloc.training.systems.vlm import VisionLanguageSystem
from tests.small import overrides

ONCE = ("constant_box", "answer_grid", "zero_shot")


@pytest.fixture(scope="module")
def answered(tmp_path_factory, cache):
    """A run of seed 1: its outcome, with the folder that holds its results and its cache."""
    root = tmp_path_factory.mktemp("answered")
    shutil.copytree(cache, root / "cache", dirs_exist_ok=True)
    return run_job(compose_job(overrides(root / "results", root / "cache", "method=zero_shot", "seed=1"))), root


@pytest.fixture
def run(answered, tmp_path, monkeypatch):
    """Makes a run beside that of seed 1; returns its outcome and the number of images that the model answered."""
    whole, asked = VisionLanguageSystem.answer, []

    def answer(self, examples):
        asked.extend(examples)
        return whole(self, examples)

    monkeypatch.setattr(VisionLanguageSystem, "answer", answer)

    def start(*more):
        asked.clear()
        given = overrides(tmp_path / "results", tmp_path / "cache", "method=zero_shot", *more)
        return run_job(compose_job(given)), len(asked)

    shutil.copytree(answered[1], tmp_path, dirs_exist_ok=True)
    return start


def test_a_second_seed_answers_nothing_again_and_has_the_same_numbers(answered, run):
    (first, _), (second, asked) = answered, run("seed=2")
    assert asked == 0
    assert first.folder.name != second.folder.name
    for name in ONCE:
        assert first.record.metrics[name] == second.record.metrics[name]
    for name in ("start.jsonl", "samples.jsonl"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


@pytest.mark.parametrize("more", ["dataset.phantom.test=10", "dataset.prompt=vlm_r1", "train.max_completion_length=9"])
def test_other_data_or_another_question_is_answered_anew(more, run):
    outcome, asked = run("seed=1", more)
    assert asked == outcome.record.metrics["zero_shot"]["n"]


def test_another_base_is_asked_anew(run, tmp_path):
    shutil.copytree(BASES / "tiny_s", tmp_path / "base")
    weights = bytearray((tmp_path / "base" / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "base" / "model.safetensors").write_bytes(weights)
    assert run("seed=1", f"model.path={tmp_path}/base")[1] == 12


def torn(path):
    path.write_text(path.read_text()[:-20])


def of_other_images(path):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(reversed(lines)))


def no_numbers(path):
    path.write_text('{"best": {}, "median": {}, "ceiling": {}}')


@pytest.mark.parametrize(("damage", "kind"), [(torn, "*"), (of_other_images, "*.jsonl"), (no_numbers, "*.json")])
def test_what_is_damaged_is_computed_anew_and_mended(damage, kind, answered, run, tmp_path):
    files = {path: path.read_bytes() for path in (tmp_path / "cache" / "untrained").glob(kind)}
    assert files
    for path in files:
        damage(path)
    second, asked = run("seed=2")
    assert asked == (0 if kind == "*.json" else 12)
    assert all(answered[0].record.metrics[name] == second.record.metrics[name] for name in ONCE)
    assert {path: path.read_bytes() for path in files} == files


def test_rerun_asks_again(run):
    assert run("seed=1", "rerun=true")[1] == 12
