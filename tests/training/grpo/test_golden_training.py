"""A change of loss, gradient, reward or curriculum, in any method, is seen here and must be explained."""

import json

import pytest

from tests.training.grpo.golden import FOLDER, METHODS, STEPS, traced

WITHIN = 1e-4


@pytest.mark.parametrize("name", METHODS)
def test_five_steps_on_stored_completions_are_met(name, tmp_path):
    golden = json.loads((FOLDER / f"{name}.json").read_text())["steps"]
    found = traced(name, tmp_path)
    assert len(found) == len(golden) == STEPS
    for step, (now, then) in enumerate(zip(found, golden, strict=True), start=1):
        for field in ("loss", "grad_norm", "kl", "reward"):
            if then[field] is None:  # nothing to average, or no completions
                assert now[field] is None, f"step {step}, {field}"
                continue
            assert now[field] == pytest.approx(then[field], rel=WITHIN, abs=WITHIN), f"step {step}, {field}"
        assert (now["tau"], now["updated"]) == (then["tau"], then["updated"])


def test_the_methods_differ_from_each_other():
    """Golden numbers that are all alike would see nothing."""
    seen = {name: json.loads((FOLDER / f"{name}.json").read_text())["steps"] for name in METHODS}
    norms = {name: [round(step["grad_norm"], 3) for step in steps] for name, steps in seen.items()}
    same = [(a, b) for a in norms for b in norms if a < b and norms[a] == norms[b]]
    assert same in ([], [("boxmed_rl", "raw_iou")])  # one reward, another prompt and tags
    assert all(any(step["grad_norm"] > 0.01 for step in steps) for steps in seen.values())
    assert any(step["updated"] for step in seen["medloc"])
