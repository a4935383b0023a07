"""Time and memory of a run: all attempts together, and none of what the process did before."""

import json
import time

import numpy as np
import pytest

from medloc.training.runner import usage as module
from medloc.training.runner.usage import USAGE, PeakMemory, Usage

BLOCK = 80_000_000  # bytes


def attempt(folder, seconds, training):
    """One attempt, of which a part is training, ended without ceremony after its last save."""
    usage = Usage(folder, keep=True)
    usage.training(training)
    time.sleep(seconds)
    usage.save()
    return usage


def test_times_of_earlier_attempts_are_added(tmp_path):
    first = attempt(tmp_path, 0.2, training=True)
    second = attempt(tmp_path, 0.1, training=False)
    assert first.spent().train_s >= 0.2
    spent = second.spent()
    assert spent.wall_s >= 0.3
    assert 0.2 <= spent.train_s < spent.wall_s


def test_a_process_that_is_killed_loses_little(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY", 0.05)
    usage = Usage(tmp_path, keep=True)
    for _ in range(3):
        time.sleep(0.06)
        usage.on_step_end(None, None, None)
    assert json.loads((tmp_path / USAGE).read_text())["wall_s"] >= 0.15


@pytest.mark.parametrize("text", ["", "{", "[]", '{"wall_s": "long"}', '{"elapsed": 3}'])
def test_a_damaged_file_counts_for_nothing(text, tmp_path):
    (tmp_path / USAGE).write_text(text)
    assert Usage(tmp_path, keep=True).spent().wall_s < 1


def test_other_ranks_write_nothing(tmp_path):
    Usage(tmp_path, keep=False).save()
    assert not (tmp_path / USAGE).exists()


def test_the_peak_of_an_earlier_attempt_counts(tmp_path):
    (tmp_path / USAGE).write_text(json.dumps({"peak_memory_mb": 1e9, "peak_gpu_memory_mb": 7.0}))
    spent = Usage(tmp_path, keep=True).spent()
    assert (spent.peak_memory_mb, spent.peak_gpu_memory_mb) == (1e9, 7.0)


@pytest.mark.parametrize("reset", [True, False])
def test_memory_that_was_given_back_before_is_not_this_run_s(reset, monkeypatch):
    """In a sweep of one process the second, smaller run does not report the first one's peak."""
    first = PeakMemory()
    block = np.ones(BLOCK, dtype=np.uint8)
    large = first.peak_mb()
    del block
    second = PeakMemory()
    second.reset = second.reset and reset
    assert second.peak_mb() < large - BLOCK / 2e6
    block = np.ones(BLOCK, dtype=np.uint8)
    second.sample()
    del block
    assert second.peak_mb() > large - BLOCK / 2e6
