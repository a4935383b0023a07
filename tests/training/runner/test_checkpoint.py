"""Which checkpoints count: those whose every file is there as it was written."""

import json

import pytest

from medloc.training.runner.checkpoint import STATE_FILE, drop_unfinished, newest_checkpoint, sizes


def checkpoint(folder, step, whole=True):
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights" * step)
    (path / "optimizer.pt").write_bytes(b"moments")
    if whole:
        (path / STATE_FILE).write_text(json.dumps({"curriculum": None, "files": sizes(path)}))
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_interrupted_checkpoint_does_not_count(tmp_path):
    for step in (2, 10, 30):
        checkpoint(tmp_path, step, whole=False)
    assert newest_checkpoint(tmp_path) is None
    for step in (4, 12):
        checkpoint(tmp_path, step)
    assert newest_checkpoint(tmp_path).name == "checkpoint-12"


def cut(path):
    (path / "model.safetensors").write_bytes(b"weig")


def lost(path):
    (path / "optimizer.pt").unlink()


def torn(path):
    (path / STATE_FILE).write_text((path / STATE_FILE).read_text()[:-9])


def from_before_sizes(path):
    (path / STATE_FILE).write_text('{"curriculum": null}')


def no_object(path):
    (path / STATE_FILE).write_text('{"files": [1]}')


@pytest.mark.parametrize("damage", [cut, lost, torn, from_before_sizes, no_object])
def test_of_a_damaged_checkpoint_the_one_before_is_used(damage, tmp_path):
    checkpoint(tmp_path, 2)
    damage(checkpoint(tmp_path, 4))
    assert newest_checkpoint(tmp_path).name == "checkpoint-2"
    drop_unfinished(tmp_path, 100)
    assert names(tmp_path) == ["checkpoint-2"]


def test_a_checkpoint_past_its_trace_does_not_count(tmp_path):
    for step in (2, 4):
        checkpoint(tmp_path, step)
    drop_unfinished(tmp_path, 3)
    assert names(tmp_path) == ["checkpoint-2"]
    drop_unfinished(tmp_path, 0)
    assert names(tmp_path) == []


def test_a_file_that_someone_added_does_no_harm(tmp_path):
    (checkpoint(tmp_path, 2) / ".DS_Store").write_text("x")
    assert newest_checkpoint(tmp_path).name == "checkpoint-2"
