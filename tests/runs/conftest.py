from dataclasses import replace

import pytest

from medloc.runs import Record


def make_record(**changes):
    """A small complete record; `make_record(status="failed", reason="...")` replaces fields."""
    scores = {"n": 4, "a50": 0.75, "a80": 0.25, "map": 0.4, "mean_iou": 0.55, "parse_rate": 1.0}
    complete = Record(
        key="0123456789abcdef",
        status="complete",
        label="phantom data, tiny_s",
        identity={
            "dataset": "heel",
            "origin": "phantom",
            "evaluated_on": "test",
            "model": "tiny_s",
            "method": "medloc",
            "schedule": "piecewise",
            "train": "tiny",
            "steps": 250,
            "seed": 42,
            "variant": "",
        },
        config={"seed": 42},
        metrics={
            "zero_shot": scores,
            "final": scores,
            "last": scores,
            "constant_box": None,
            "answer_grid": None,
            "curve": [],
        },
        series={"tau": [0.3, 0.45], "mean_reward": [0.1, 0.2]},
        test_ious=[0.1, 0.6, 0.7, 0.8],
        provenance={"commit": None, "dirty": None},
        fingerprints={"data": "d" * 16, "model": "m" * 16},
        timings={"wall_s": 80.5},
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:01:20+00:00",
    )
    return replace(complete, **changes)


@pytest.fixture
def record():
    """Makes a small complete record."""
    return make_record
