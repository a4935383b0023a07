"""GroundingDINO: what it is taught, what it answers, and that the miniature is the genuine class."""

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from transformers import BatchFeature

from medloc.boxes import Box, iou
from medloc.data.prompts import TARGETS
from medloc.models.grounding_dino import best_boxes, detector_inputs, detector_target
from medloc.models.tiny.grounding_dino import tiny_detector, tiny_detector_processor
from medloc.training.pretraining import DetectionCollator, ShapeDataset, pretrain_base
from tests.training.test_pretraining import settings

PROCESSOR = tiny_detector_processor()


def test_the_target_is_the_centre_and_extent_as_fractions_of_the_image():
    # centre ((20 + 60) / 2, (10 + 50) / 2) = (40, 30), extent 40 x 40, in an image of 200 x 100
    target = detector_target(Box(20, 10, 60, 50), 200, 100)
    assert target["boxes"].tolist() == [pytest.approx([0.2, 0.3, 0.2, 0.4])]
    assert target["class_labels"].tolist() == [0]


def test_the_targets_are_those_of_the_processor_itself():
    """The image processor makes its own from COCO annotations, (x, y, w, h) in pixels of the image as it was."""
    ((item, _),) = [ShapeDataset(4, seed=0)[1]]
    x, y = item.box.x0, item.box.y0
    annotation = {
        "image_id": 0,
        "annotations": [{"bbox": [x, y, item.box.width, item.box.height], "category_id": 0, "area": 1, "iscrowd": 0}],
    }
    made = PROCESSOR.image_processor(images=item.image, annotations=annotation, return_tensors="pt")["labels"][0]
    assert torch.allclose(made["boxes"], detector_target(item.box, *item.image.size)["boxes"], atol=1e-6)


def test_the_highest_scoring_box_is_the_answer_cut_at_the_border():
    logits = torch.full((2, 3, 4), -torch.inf)  # 2 images, 3 queries, 4 tokens
    logits[0, :, 1:3] = torch.tensor([[-2.0, -1.0], [-9.0, 0.5], [-3.0, 0.4]])  # query 1 has the largest single token
    logits[1, :, 1:3] = torch.tensor([[3.0, -9.0], [1.0, 2.0], [0.0, 0.0]])  # query 0
    other = [0.1] * 4
    boxes = torch.tensor([[other, [0.5, 0.25, 0.5, 0.5], other], [[0.9, 0.5, 0.4, 0.5], other, other]])

    class Fixed:
        device = torch.device("cpu")

        def __call__(self, **_):
            return SimpleNamespace(logits=logits, pred_boxes=boxes)

    found = best_boxes(Fixed(), BatchFeature({}), [(200, 100), (100, 40)])
    # (0.25, 0, 0.75, 0.5) of 200 x 100; (0.7, 0.25, 1.1 cut to 1, 0.75) of 100 x 40
    expected = [[50, 0, 150, 50], [70, 10, 100, 30]]
    assert [box.as_list() for box in found] == [pytest.approx(each, abs=1e-4) for each in expected]


def test_the_tiny_tokenizer_speaks_bert_s_ids():
    """GroundingDINO finds a phrase between 101, 102 and 1012; every target is one phrase of known words."""
    for target in TARGETS.values():
        ids = detector_inputs(PROCESSOR, [ShapeDataset(1, 0)[0][0].image], target)["input_ids"][0].tolist()
        assert (ids[0], ids[-2:]) == (101, [1012, 102])
        assert PROCESSOR.tokenizer.convert_ids_to_tokens(ids[1:-2]) == target.split()
    assert PROCESSOR.tokenizer.tokenize("Toe?") == ["t", "##o", "##e", "?"]
    assert PROCESSOR.tokenizer.convert_tokens_to_ids(["[PAD]", "?"]) == [0, 1029]


def test_a_batch_shares_one_phrase_and_every_item_has_its_target():
    data = ShapeDataset(8, seed=0)
    batch = DetectionCollator(PROCESSOR)([data[i] for i in range(8)])
    assert len(batch["input_ids"].unique(dim=0)) == 1
    assert batch["pixel_values"].shape == (8, 3, 112, 112)
    for (item, _), labels in zip([data[i] for i in range(8)], batch["labels"], strict=True):
        assert torch.equal(labels["boxes"], detector_target(item.box, *item.image.size)["boxes"])


def test_a_few_steps_on_one_image_find_its_box():
    """The class's own loss (matching, focal, L1, GIoU) teaches the miniature: it can learn one box by heart."""
    torch.manual_seed(0)
    model = tiny_detector().train()
    batch = DetectionCollator(PROCESSOR)([ShapeDataset(4, seed=0)[2]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(60):
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    item, _ = ShapeDataset(4, seed=0)[2]
    inputs = detector_inputs(PROCESSOR, [item.image], "skin lesion")
    assert losses[-1] < losses[0] / 10
    assert iou(best_boxes(model.eval(), inputs, [item.image.size])[0], item.box) > 0.8


def test_a_resumed_pretraining_ends_with_the_same_weights(tmp_path):
    pretrain_base(settings(tmp_path, model="grounding_dino_tiny"))
    half = settings(tmp_path, model="grounding_dino_tiny", work=str(tmp_path / "half"), out=str(tmp_path / "half_out"))
    pretrain_base(half)
    last = tmp_path / "half" / "checkpoint-4"
    for file in last.iterdir():
        file.unlink()
    last.rmdir()  # as if it had been killed after the checkpoint at step 2
    pretrain_base(half)
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "half_out"))
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)
    assert (tmp_path / "out" / "model.safetensors").stat().st_size < 4e6
