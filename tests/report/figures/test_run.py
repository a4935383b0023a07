import json

import numpy as np
import pytest
from PIL import Image

from medloc.report.figures.run import draw_training, read_trace, running_mean

STEP = {
    "step": 1,
    "ious": [[0.1, 0.2], [0.5, 0.4], [0.6, 0.7], [0.3, 0.1]],
    "tau_used": 0.3,
    "tau": 0.3,
    "mean_reward": None,
    "reward": 0.625,
}


def write(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_hand_computed_columns(tmp_path):
    # At tau 0.3: group 1 misses with both, groups 2 and 3 hit with both, group 4 hits once (0.3 >= 0.3).
    without = {name: value for name, value in STEP.items() if name != "reward"}
    # Without a threshold, at IoU 0.5: groups 1 and 4 miss, group 2 hits once, group 3 hits with both.
    raw = {**without, "step": 3, "tau_used": None, "tau": None}
    trace = read_trace(write(tmp_path / "trace.jsonl", STEP, {**without, "step": 2}, raw))
    assert trace.steps.tolist() == [1, 2, 3]
    assert trace.all_miss.tolist() == [0.25, 0.25, 0.5]
    assert trace.all_hit.tolist() == [0.5, 0.5, 0.25]
    # written; 5 of 8 IoUs reach 0.3; mean of the eight IoUs = 2.9 / 8
    assert trace.reward.tolist() == pytest.approx([0.625, 0.625, 0.3625])
    assert (trace.groups, trace.completions) == (4, 2)
    assert np.isnan(trace.tau[2])


def test_running_mean_uses_what_there_is():
    # 1; (1+3)/2; (1+3+5)/3; (3+5+7)/3
    assert running_mean(np.array([1.0, 3.0, 5.0, 7.0]), 3).tolist() == [1, 2, 3, 5]


@pytest.mark.parametrize("tau", [0.3, None])
@pytest.mark.parametrize("steps", [1, 40])
def test_draws_the_same_picture_twice(tmp_path, tau, steps):
    lines = [{**STEP, "step": step, "tau_used": tau} for step in range(1, steps + 1)]
    trace = write(tmp_path / "trace.jsonl", *lines)
    for name in ("one.png", "two.png"):
        draw_training(trace, tmp_path / "new" / name, "phantom data, tiny_s: heel")
    one, two = ((tmp_path / "new" / name).read_bytes() for name in ("one.png", "two.png"))
    assert one == two
    assert Image.open(tmp_path / "new" / "one.png").size == (1200, 840)


@pytest.mark.parametrize(("line", "message"), [("{", "line 2: "), ('{"step": 2}', "line 2: "), ("[]", "line 2: ")])
def test_a_bad_line_is_named(tmp_path, line, message):
    path = write(tmp_path / "trace.jsonl", STEP)
    path.write_text(path.read_text() + line)
    with pytest.raises(ValueError, match=message):
        read_trace(path)


def test_an_empty_trace_says_so(tmp_path):
    with pytest.raises(ValueError, match="holds no step"):
        read_trace(write(tmp_path / "trace.jsonl"))
