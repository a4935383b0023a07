import json

import pytest

from medloc.curriculum import Decision
from medloc.rewards import group_shares
from medloc.training.callbacks.evaluate import evaluation_steps
from medloc.training.callbacks.trace import keep_until, trace_line, traced_steps
from medloc.training.grpo.rule import Observation

IOUS = [[0.1, 0.2], [0.6, 0.4], [0.7, 0.9], [0.5, 0.49]]
BOXES = [[True] * 2] * 4


def test_dead_groups_are_told_apart_by_raw_iou_whatever_the_method_pays():
    # at IoU 0.5: group 1 misses twice, group 3 hits twice, groups 2 and 4 (0.5 counts) are mixed
    line = trace_line(7, Observation(IOUS, IOUS, BOXES, None, None), {})
    assert (line["all_miss"], line["all_hit"], line["mixed"]) == (0.25, 0.25, 0.5)
    assert line["dead"] == 0.0  # raw IoU: every group has spread


def test_a_binary_reward_is_dead_where_all_are_equal():
    rewards = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.0]]
    line = trace_line(
        7,
        Observation(IOUS, rewards, [[False, True], *BOXES[1:]], 0.5, None),
        {"loss": 0.25, "completions/mean_length": 10.0},
    )
    assert line["dead"] == 0.5
    assert line["parse_rate"] == 0.875
    assert line["reward"] == 0.5  # (0 + 0 + 1 + 0 + 1 + 1 + 1 + 0) / 8
    assert (line["tau_used"], line["tau"], line["updated"]) == (0.5, 0.5, False)
    assert (line["mean_reward"], line["iou_margin"]) == (None, None)
    assert (line["loss"], line["completion_length"], line["kl"]) == (0.25, 10.0, None)


def test_shares_at_the_threshold_are_those_of_what_was_compared_with_it():
    """Under method=medloc_giou tau 0.7 is on the scale of `watched`, where the IoUs would all be misses or mixed."""
    watched = [[0.71, 0.8], [0.9, 0.7], [0.6, 0.9], [0.1, 0.2]]
    line = trace_line(7, Observation(IOUS, IOUS, BOXES, 0.7, None, watched=watched), {})
    assert line["watched"] == watched
    assert (line["all_miss_tau"], line["all_hit_tau"]) == (0.25, 0.5)
    assert (line["all_miss"], line["all_hit"]) == (0.25, 0.25)  # at IoU 0.5, as for every method
    plain = trace_line(7, Observation(IOUS, IOUS, BOXES, 0.6, None), {})
    assert (plain["watched"], plain["all_miss_tau"], plain["all_hit_tau"]) == (None, 0.5, 0.25)


def test_an_answer_without_a_box_is_a_miss_at_every_threshold():
    """Equation 3 pays nothing for it, at tau = 0 either, where `iou >= tau` alone would call it a hit."""
    line = trace_line(
        1, Observation([[0.0, 0.0]] * 2, [[0.0, 0.0], [1.0, 1.0]], [[False] * 2, [True] * 2], 0.0, None), {}
    )
    assert (line["all_miss_tau"], line["all_hit_tau"]) == (0.5, 0.5)
    assert line["dead"] == 1.0


def test_without_a_threshold_there_are_no_shares_at_it():
    line = trace_line(7, Observation(IOUS, IOUS, BOXES, None, None), {})
    assert (line["all_miss_tau"], line["all_hit_tau"]) == (None, None)


def test_a_step_without_completions_has_the_same_names_in_the_same_order_and_null():
    seen = trace_line(7, Observation(IOUS, IOUS, BOXES, None, None), {"loss": 0.25})
    unseen = trace_line(7, None, {"loss": 0.25, "grad_norm": 2.0})
    assert list(unseen) == list(seen)
    told = {name: value for name, value in unseen.items() if value is not None}
    assert told == {"step": 7, "updated": False, "loss": 0.25, "grad_norm": 2.0}


def test_a_decision_brings_its_statistics():
    decision = Decision(0.3, 0.45, 0.9, 0.1, 0.2, 0.8, 0.2, 0.1, True, True, True, True, 30)
    line = trace_line(30, Observation(IOUS, IOUS, BOXES, 0.3, decision), {})
    assert (line["tau_used"], line["tau"], line["updated"]) == (0.3, 0.45, True)
    assert (line["mean_reward"], line["reward_std"], line["iou_margin"]) == (0.9, 0.1, 0.2)


def test_lines_after_the_checkpoint_and_a_torn_last_line_are_dropped(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps({"step": s}) + "\n" for s in (1, 2, 3)) + '{"step": 4, "io')
    keep_until(path, 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


@pytest.mark.parametrize(("total", "points", "expected"), [(250, 10, [25, 50]), (7, 3, [2, 5]), (3, 10, [1, 2])])
def test_evaluations_are_spread_over_the_run_and_end_with_it(total, points, expected):
    steps = evaluation_steps(total, points)
    assert steps[: len(expected)] == expected
    assert steps[-1] == total


def test_shares_of_groups_sum_to_one():
    # at 0.45: [.1 .2] misses, [.6 .4] is mixed, [.7 .9] and [.5 .49] hit
    assert group_shares([[iou >= 0.45 for iou in group] for group in IOUS]) == (0.25, 0.25, 0.5)


def test_a_number_that_is_none_is_null_and_so_is_the_loss_of_a_step_left_out():
    line = trace_line(7, None, {"loss": 0.25, "grad_norm": float("nan"), "kl": float("inf"), "entropy": 1.0})
    assert (line["loss"], line["grad_norm"], line["kl"], line["entropy"]) == (None, None, None, 1.0)
    json.dumps(line, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ('{"step": 1}\n{"step": 2}\n', 2),
        ('{"step": 1}\n{"step": 2}', 1),  # torn
        ('{"step": 1}\n{"ste\n{"step": 3}\n', 1),  # damaged in the middle
        ('{"step": 1}\n{"step": 3}\n', 1),  # a line is missing
        ('{"step": 2}\n', 0),
        ('{"step": 1}\n\0\0\0\n', 1),
        ("[1]\n", 0),
        ("", 0),
    ],
)
def test_a_checkpoint_stands_on_steps_whose_every_line_is_there(text, steps, tmp_path):
    (tmp_path / "trace.jsonl").write_text(text)
    assert traced_steps(tmp_path) == steps
    keep_until(tmp_path / "trace.jsonl", 1)
    assert (tmp_path / "trace.jsonl").read_text() in ('{"step": 1}\n', "")


def test_without_a_trace_there_is_no_step(tmp_path):
    assert traced_steps(tmp_path) == 0
