"""DeepSpeed's ZeRO on a processor core: it trains what one process trains without it, saves it, and resumes.

`DS_ACCELERATOR=cpu` is DeepSpeed's own word for that; accelerate then takes one process and no more.
"""

import importlib.util
import json

import pytest
import torch

from medloc.training.distributed import launch as workers
from tests.training.launched import job_on, of_rank, same, weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="DeepSpeed is not installed (extra gpu)"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU; these are for processor cores"),
]
both = pytest.mark.parametrize("engine", ["zero2", "zero3"])


@pytest.fixture
def zero(do, monkeypatch, cache):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    monkeypatch.setattr(workers, "check_gpus", lambda launch, device: None)

    def start(engine, results, **mishap):
        launch = (f"launch={engine}", "launch.processes=1", "device=auto")
        return do(job_on(1, results, cache, *launch), **mishap)

    start.seen = do.seen
    return start


def ious(folder):
    return [json.loads(line)["ious"] for line in (folder / "trace.jsonl").read_text().splitlines()]


@both
def test_zero_trains_the_weights_of_a_process_without_it(engine, zero, tmp_path, cache):
    """The same completions, so the same gradients but for the order of sums: six steps of 3e-4 each, Adam's largest."""
    plain = workers.do_job(job_on(1, tmp_path / "plain", cache))
    sharded = zero(engine, tmp_path / engine)
    assert ious(sharded.folder) == ious(plain.folder)
    assert (sharded.folder / "samples.jsonl").read_bytes() == (plain.folder / "samples.jsonl").read_bytes()
    ours, theirs = weights(sharded.folder), weights(plain.folder)
    assert ours.keys() == theirs.keys()
    assert max((ours[key] - theirs[key]).abs().max().item() for key in ours) < 2e-4


@both
def test_an_interrupted_run_resumes_exactly(engine, zero, tmp_path):
    whole = zero(engine, tmp_path / "whole")
    with pytest.raises(ValueError, match="power cut"):
        zero(engine, tmp_path / "parts", kind="stop", rank=None, step=5)
    resumed = zero(engine, tmp_path / "parts")
    assert of_rank(zero.seen, 0).count("\n") == 2  # from the checkpoint at the fourth of six steps
    same(whole.folder, resumed.folder)


@both
def test_a_run_stopped_between_its_last_step_and_its_weights_is_not_trained_again(engine, zero, tmp_path):
    whole = zero(engine, tmp_path / "whole")
    with pytest.raises(ValueError, match="power cut after training"):
        zero(engine, tmp_path / "parts", kind="stop after")
    resumed = zero(engine, tmp_path / "parts")
    assert not (zero.seen / "rank0.jsonl").exists()
    same(whole.folder, resumed.folder)
