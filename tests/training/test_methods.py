"""Every rule of the field runs from settings to record on a handful of phantoms, and its trace says what it paid."""

import json
from statistics import median

import pytest
import torch

from medloc.boxes import Box
from medloc.curriculum import curriculum_from
from medloc.replay import main as replay
from medloc.rewards import Answer, Moment, reward_for
from medloc.rewards.giou_threshold import scaled_giou
from medloc.spec.compose import compose_job
from medloc.training.callbacks.evaluate import Midway
from medloc.training.runner.runner import run_job
from tests.small import overrides
from tests.training.rig import SIZE, trainer_on

TRUTH = Box(0, 0, 10, 10)
FEW = (
    "dataset.phantom.train=8",
    "dataset.phantom.test=4",
    "dataset.phantom.calibration=4",
    "evaluation.points=0",
    "evaluation.images=2",
)
METHODS = [
    ("v_triune", "original"),
    ("v_triune", "matched"),
    ("boxmed_rl", None),
    ("raw_giou", None),
    ("vision_r1", None),
    ("dr_seg", None),
    ("gui_g2", None),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def run(results, cache, *more):
    return run_job(compose_job(overrides(results, cache, *FEW, *more)))


def lines(folder):
    return [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("method", "preset"), METHODS)
def test_a_method_trains_and_pays_by_its_rule(method, preset, tmp_path, cache):
    chosen = [] if preset is None else [f"method.preset={preset}"]
    done = run(tmp_path, cache, f"method={method}", *chosen, "train.max_steps=2")
    assert done.record.status == "complete"
    assert done.record.identity["method"] == method
    assert done.record.label == "phantom data, tiny_s model"
    assert "schedule" not in done.record.config
    trace = lines(done.folder)
    assert [(line["step"], line["tau"], line["redrawn"]) for line in trace] == [(1, None, 0), (2, None, 0)]
    assert all(0.0 <= line["reward"] <= 1.0 for line in trace)
    if method in ("v_triune", "boxmed_rl"):  # functions of IoU: recomputed from what the trace holds
        reward = reward_for(done.record.config["method"]["reward"], preset)
        for step, line in enumerate(trace):
            ious = [iou for group in line["ious"] for iou in group]
            paid = [reward(Answer("", TRUTH, TRUTH, iou), Moment(None, step / 2)) for iou in ious]
            assert line["reward"] == pytest.approx(sum(paid) / len(paid), abs=1e-6)


def test_on_the_other_scale_reward_and_window_hold_the_same(tmp_path):
    """The threshold is the median of (1 + GIoU) / 2 of the first step; the second step is paid by it."""
    given = ["method=medloc_giou", "schedule=median", "schedule.tau_target=1.0"]
    curriculum = curriculum_from(compose_job(given).config)
    reward = reward_for("giou_threshold", None)
    trainer, rows = trainer_on(tmp_path, reward, curriculum, watched=scaled_giou)
    torch.manual_seed(7)
    trainer._generate_and_score_completions(rows)
    judged = [trainer._judge(row, [{"content": text}]) for row, text in zip(rows, trainer.scored[0], strict=True)]
    (seen,) = trainer.seen
    held = sorted(scaled_giou(answer, Moment(0.0, 0.3)) for answer in judged)
    assert curriculum.state_dict()["entries"] == [held]
    assert curriculum.tau == round(median(held), 9)
    assert [iou for group in seen.ious for iou in group] == [answer.iou for answer in judged]
    assert seen.rewards == [[float(bool(answer.box)) for answer in judged[i : i + SIZE]] for i in range(0, 12, SIZE)]
    trainer._generate_and_score_completions(rows)
    again = [trainer._judge(row, [{"content": text}]) for row, text in zip(rows, trainer.scored[1], strict=True)]
    tau = trainer.seen[1].tau_used
    paid = [float(bool(answer.box) and scaled_giou(answer, Moment(tau, 0.3)) >= tau) for answer in again]
    assert tau == round(median(held), 9)
    assert [reward for group in trainer.seen[1].rewards for reward in group] == paid


def test_dynamic_sampling_leaves_the_curriculum_what_it_would_have_seen(tmp_path, cache, capsys):
    """One line a step; the thresholds follow from the first draws that the trace holds."""
    window = ["window.size=1", "criteria=only_margin", "criteria.margin=-1.0"]
    done = run(tmp_path, cache, *window, "train.dynamic_sampling=2", "train.max_steps=3")
    trace = lines(done.folder)
    assert [line["step"] for line in trace] == [1, 2, 3]
    assert sum(line["redrawn"] for line in trace) > 0
    for line in trace:
        assert line["redrawn"] == line["dead"] * len(line["ious"])
        assert 0 <= line["revived"] <= line["redrawn"]
    assert replay([str(done.folder / "trace.jsonl"), *window]) == 0
    replayed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fields = ("tau_used", "tau", "updated", "mean_reward")
    assert [{f: line[f] for f in fields} for line in trace] == [{f: line[f] for f in fields} for line in replayed]
    assert trace[-1]["tau"] > trace[0]["tau_used"]


def test_a_step_of_dead_groups_alone_has_no_kl_with_the_mask(tmp_path, cache):
    """No answer reaches 0.99 in the last stage: nothing is paid, nothing is moved, nothing is measured."""
    done = run(tmp_path, cache, "method=v_triune", "train.mask_dead_kl=true", "train.max_steps=2")
    dead = [line for line in lines(done.folder) if line["dead"] == 1.0]
    assert dead
    assert all(
        (line["kl"], line["entropy"], line["grad_norm"], line["loss"]) == (None, None, 0.0, 0.0) for line in dead
    )


@pytest.mark.slow
def test_memory_and_redraws_go_on_after_an_interruption(tmp_path, cache, monkeypatch):
    """Stopped in step 3 of 4 with a checkpoint at 2, and compared with a run in one piece."""
    given = ["method=dr_seg", "train.dynamic_sampling=2", "train.max_steps=4", "train.checkpoints=2"]
    straight = run(tmp_path / "straight", cache, *given)
    assert sum(line["redrawn"] for line in lines(straight.folder)) > 0

    def stop(self, args, state, control, **_):
        if state.global_step == 3:
            raise RuntimeError("stopped")

    monkeypatch.setattr(Midway, "on_step_end", stop)
    with pytest.raises(RuntimeError, match="stopped"):
        run(tmp_path / "stopped", cache, *given)
    monkeypatch.undo()
    folder = tmp_path / "stopped" / "runs" / straight.folder.name
    assert len(lines(folder)) == 2
    state = json.loads((folder / "checkpoints" / "checkpoint-2" / "curriculum.json").read_text())
    assert len(state["reward"]["ious"]) == 128 + 2 * 8  # zeros at first, then the first draws of two steps of 8
    resumed = run(tmp_path / "stopped", cache, *given)
    assert resumed.record.status == "complete"
    for name in ("trace.jsonl", "samples.jsonl"):
        assert (folder / name).read_bytes() == (straight.folder / name).read_bytes()
