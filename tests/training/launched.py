"""Small runs on several processes, and what they leave behind."""

import json

import torch
from safetensors.torch import load_file

from medloc.spec.compose import compose_job
from medloc.training.distributed import launch as workers
from tests.small import overrides
from tests.training import watched_worker

COMPLETIONS = 8


def job_on(processes, results, cache, *more):
    """A job of two groups of four completions a step, shared out over so many processes."""
    launch = ("launch=ddp", f"launch.processes={processes}") if processes > 1 else ()
    share = f"train.per_device_batch={COMPLETIONS // processes}"
    window = () if "method=zero_shot" in more else ("window.size=2",)  # so that six steps can raise the threshold
    return compose_job(overrides(results, cache, "device=cpu", *window, *launch, share, *more))


class Watched:
    """Does jobs with workers that write what they see under `seen`, and meet with the mishap that is asked for."""

    def __init__(self, monkeypatch, seen):
        self.monkeypatch, self.seen = monkeypatch, seen

    def __call__(self, job, **mishap):
        self.seen.mkdir(exist_ok=True)
        for old in self.seen.glob("*"):
            old.unlink()
        self.monkeypatch.setenv("SEEN", str(self.seen))
        self.monkeypatch.setenv("MISHAP", json.dumps(mishap))
        self.monkeypatch.setattr(workers, "worker", watched_worker.worker)
        return workers.do_job(job)


def of_rank(seen, rank):
    return (seen / f"rank{rank}.jsonl").read_text()


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def same(one, other):
    for name in ("trace.jsonl", "samples.jsonl", "start.jsonl", "curve.jsonl"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    ours, theirs = weights(one), weights(other)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
