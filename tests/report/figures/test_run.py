import json

import numpy as np
import pytest
from PIL import Image

from medloc.report.figures import run
from medloc.report.figures.run import draw_loss, draw_training, read_trace, running_mean

STEP = {
    "step": 1,
    "ious": [[0.1, 0.2], [0.5, 0.4], [0.6, 0.7], [0.3, 0.1]],
    "watched": None,
    "tau_used": 0.3,
    "tau": 0.3,
    "mean_reward": None,
    "reward": 0.625,
    # at IoU 0.5 groups 1 and 4 miss with both answers and group 3 hits with both; at 0.3 group 1, and groups 2 and 3
    "all_miss": 0.5,
    "all_hit": 0.25,
    "all_miss_tau": 0.25,
    "all_hit_tau": 0.5,
}

SCALED = {
    # (1 + GIoU) / 2 of disjoint boxes can reach a tau of 0.3 that their IoU of 0 does not
    "ious": [[0.0, 0.0], [0.0, 0.4], [0.6, 0.7], [0.0, 0.1]],
    "watched": [[0.31, 0.35], [0.2, 0.7], [0.8, 0.85], [0.2, 0.25]],
    "all_miss": 0.75,
    "all_hit": 0.25,
    "all_miss_tau": 0.25,
    "all_hit_tau": 0.5,
}
"""What medloc_giou writes: raw IoU against tau would give 0.5 and 0.25 in the place of the last two."""


def write(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def without(line, *names):
    return {name: value for name, value in line.items() if name not in names}


def labels(tmp_path, monkeypatch, *lines):
    """All texts of the legends of a run's picture."""
    drawn = []
    monkeypatch.setattr(run.style, "save_png", lambda figure, path: drawn.append(figure))
    draw_training(write(tmp_path / "trace.jsonl", *lines), tmp_path / "training.png", "a run")
    return [text.get_text() for axes in drawn[0].axes for text in axes.get_legend().get_texts()]


def test_columns_are_those_of_the_trace(tmp_path):
    trace = read_trace(write(tmp_path / "trace.jsonl", STEP, {**STEP, "step": 2, "reward": 0.5}))
    assert trace.steps.tolist() == [1, 2]
    assert trace.reward.tolist() == [0.625, 0.5]
    assert (trace.all_miss.tolist(), trace.all_hit.tolist()) == ([0.25] * 2, [0.5] * 2)
    assert (trace.groups, trace.completions) == (4, 2)
    assert (trace.at_tau, trace.iou_scale, trace.has_threshold) == (True, True, True)


def test_a_method_without_a_threshold_is_judged_at_iou_one_half(tmp_path):
    line = {**STEP, "tau_used": None, "tau": None, "all_miss_tau": None, "all_hit_tau": None}
    trace = read_trace(write(tmp_path / "trace.jsonl", line))
    assert (trace.all_miss.tolist(), trace.all_hit.tolist()) == ([0.5], [0.25])
    assert (trace.at_tau, trace.has_threshold) == (False, False)


def test_groups_are_judged_on_the_scale_of_tau_and_never_by_raw_iou(tmp_path, monkeypatch):
    trace = read_trace(write(tmp_path / "trace.jsonl", {**STEP, **SCALED}))
    assert (trace.all_miss.tolist(), trace.all_hit.tolist()) == ([0.25], [0.5])
    names = labels(tmp_path, monkeypatch, {**STEP, **SCALED})
    assert "every completion misses τ" in names
    assert "threshold τ" in names  # and does not call it an IoU


@pytest.mark.parametrize("step", [STEP, {**STEP, **SCALED}], ids=["medloc", "medloc_giou"])
def test_an_older_trace_is_drawn_at_iou_one_half_and_says_so(tmp_path, monkeypatch, step):
    older = without(step, "watched", "all_miss_tau", "all_hit_tau")
    trace = read_trace(write(tmp_path / "trace.jsonl", step, {**older, "step": 2}))  # resumed by another version
    assert trace.all_miss.tolist() == [step["all_miss"]] * 2
    assert trace.all_hit.tolist() == [step["all_hit"]] * 2
    names = labels(tmp_path, monkeypatch, older)
    assert {"every completion misses IoU 0.5", "every completion reaches IoU 0.5", "threshold τ"} <= set(names)


def test_the_legend_calls_tau_an_iou_where_it_is_one(tmp_path, monkeypatch):
    assert "threshold τ (IoU)" in labels(tmp_path, monkeypatch, STEP)


def test_running_mean_uses_what_there_is():
    # 1; (1+3)/2; (1+3+5)/3; (3+5+7)/3
    assert running_mean(np.array([1.0, 3.0, 5.0, 7.0]), 3).tolist() == [1, 2, 3, 5]


@pytest.mark.parametrize(("steps", "tau"), [(1, None), (40, 0.3)])
def test_draws_the_same_picture_twice(tmp_path, steps, tau):
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


def test_the_loss_is_drawn_the_same_twice(tmp_path):
    trace = write(tmp_path / "trace.jsonl", *({"step": step, "loss": 1 / step} for step in range(1, 30)))
    for name in ("one.png", "two.png"):
        draw_loss(trace, tmp_path / name, "a run")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
