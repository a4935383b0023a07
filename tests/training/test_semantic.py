"""MedGround-R1's reward inside TRL: the spatial half, the semantic half, and their sum."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medloc.boxes import Box, ParseFailure
from medloc.data.prompts import TARGETS
from medloc.models.semantic import SemanticReward
from medloc.models.tiny.clip import tiny_clip_model, tiny_clip_processor
from medloc.models.tiny.shapes import draw_item
from medloc.rewards import Answer
from medloc.spec.compose import compose_job
from medloc.training.grpo.semantic import semantic_rewards
from medloc.training.runner.runner import run_job
from tests.small import overrides


def answer(box):
    return Answer("", box, Box(0, 0, 1, 1), 0.0)


def test_the_reward_changes_when_the_answered_box_changes():
    settings = compose_job(["method=medground_r1"]).settings
    (semantic, weight), *rest = semantic_rewards(settings, torch.device("cpu"))
    item = draw_item(np.random.default_rng(3), 0.5)
    image, box = item.image, item.box
    shifted = Box(box.x0 + 20, box.y0, box.x1 + 20, box.y1)
    boxes = [box, shifted, Box(0, 0, *image.size), ParseFailure("no bracket")]
    paid = semantic(answer=[answer(b) for b in boxes], image=[image] * 4, trainer_state=SimpleNamespace())
    assert len({round(score, 6) for score in paid}) == 4
    assert paid[3] == 0.0
    assert paid == SemanticReward(settings.method)([image] * 4, boxes, "skin lesion")
    assert (weight, rest) == (1.0, [])


@pytest.mark.parametrize("method", ["medloc", "vlm_r1", "raw_iou"])
def test_other_methods_load_no_clip(method):
    assert semantic_rewards(compose_job([f"method={method}"]).settings, torch.device("cpu")) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("medground")


def run(folder, *more):
    given = overrides(folder / "results", folder / "cache", "method=medground_r1", "train.max_steps=2", *more)
    return run_job(compose_job(given))


@pytest.fixture(scope="module")
def done(folder):
    return run(folder)


def test_a_run_pays_for_both_halves(done):
    assert done.record.status == "complete"
    assert done.record.identity["method"] == "medground_r1"
    for line in map(json.loads, (done.folder / "trace.jsonl").read_text().splitlines()):
        flat = [iou for group in line["ious"] for iou in group]
        spatial = sum(iou >= 0.5 for iou in flat) / len(flat)
        assert (line["tau_used"], line["tau"]) == (0.5, 0.5)
        assert 0 < line["reward"] - spatial < 1  # the semantic half
        assert line["dead"] == 0.0  # boxes in a group differ, and so do their crops


@pytest.mark.slow
def test_other_weights_of_the_clip_model_are_another_run(done, folder):
    assert not run(folder).fresh
    changed = folder / "clip"
    SemanticReward(compose_job(["method=medground_r1"]).settings.method).processor.save_pretrained(changed)
    model = tiny_clip_model(tiny_clip_processor(list(TARGETS.values())))
    model.save_pretrained(changed)
    first = run(folder, f"method.semantic_model={changed}")
    with torch.no_grad():
        model.logit_scale.add_(1.0)
    model.save_pretrained(changed)
    second = run(folder, f"method.semantic_model={changed}")
    assert first.fresh
    assert second.fresh
    assert len({done.record.key, first.record.key, second.record.key}) == 3
