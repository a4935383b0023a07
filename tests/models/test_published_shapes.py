"""Shapes of published checkpoints against their published counts, and what is estimated from them."""

import pytest
import torch

from medloc.models.load import load_model
from medloc.models.memory import estimate, estimate_text, shape_of
from medloc.models.published import SHAPES
from medloc.spec.compose import compose_job
from tests.models.shrunk import shrunk

COUNTS = {  # of the published weights, in 10^9
    "qwen2_5_vl_3b": 3.755, "qwen2_5_vl_7b": 8.292, "qwen2_5_vl_32b": 33.453,
    "qwen3_vl_2b": 2.128, "qwen3_vl_4b": 4.438, "qwen3_vl_8b": 8.767, "qwen3_vl_32b": 33.357,
    "internvl3_1b": 0.938, "internvl3_2b": 2.089, "internvl3_8b": 7.944, "internvl3_14b": 15.117,
    "internvl2_5_4b": 3.713,
}  # fmt: skip


def settings(*given):
    return compose_job(["train=paper", *given]).settings


@pytest.mark.parametrize("name", ["qwen3_vl_2b"])
def test_a_shape_has_the_published_number_of_parameters(name):
    assert shape_of(settings(f"model={name}", "model.path=a/b").model).parameters / 1e9 == pytest.approx(
        COUNTS[name], abs=6e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_so_does_every_other(name):
    assert shape_of(settings(f"model={name}", "model.path=a/b").model).parameters / 1e9 == pytest.approx(
        COUNTS[name], abs=6e-4
    )


def test_every_shape_has_a_count():
    assert set(SHAPES) == set(COUNTS)


def test_qwen2_5_vl_3b_by_hand():
    """3.7546 x 10^9 parameters on one GPU, float32: 4 bytes each for weights, gradients, reference, 8 for AdamW."""
    found = estimate(settings("model=qwen2_5_vl_3b"))
    assert found["parameters"] == found["gradients"] == found["reference"] == pytest.approx(15.02, abs=0.01)
    assert found["optimizer"] == pytest.approx(30.04, abs=0.01)
    # 600 x 450 px / 28^2 = 344 tokens, 120 of the question, 512 of the answer; 64 completions; 36 layers of 2 heads
    # of 128, keys and values, 2 bytes: 64 x 976 x 36 x 512 x 2
    assert found["keys and values"] == pytest.approx(64 * 976 * 36 * 512 * 2 / 1e9)
    # 36 layers keep 4 x 2048 bytes a token, one is run again with 28 x 2048 + 8 x 11008; so do 32 layers of 1280 and
    # 3420 for the 4 x 344 patches of one image, as 8 completions of a group share it
    text = 8 * 976 * (36 * 4 * 2048 + 28 * 2048 + 8 * 11008)
    seen = 4 * 344 * (32 * 4 * 1280 + 28 * 1280 + 8 * 3420)
    assert found["activations"] == pytest.approx((text + seen) / 1e9)
    assert found["bfloat16 copies"] == pytest.approx(15.02 / 2, abs=0.01)
    updating = found["bfloat16 copies"] + found["activations"]
    assert found["peak"] == pytest.approx(15.02 * 2 + 30.04 + 15.02 + updating, abs=0.05)


def test_a_measured_step_is_estimated():
    """`benchmarks.gpu_step --prompts 2 --batch 4 --tokens 32 --only ours` on an H200: 100.4 x 10^9 bytes at most."""
    given = ["train.prompts_per_step=2", "train.per_device_batch=4", "train.max_completion_length=32"]
    found = estimate(settings("model=qwen2_5_vl_3b", *given, "train.gradient_checkpointing=false"))
    assert 0.94 * 100.4 < found["peak"] < 1.03 * 100.4


@pytest.mark.slow
def test_zero3_shares_everything_and_gathers_to_generate():
    alone, shared = (estimate(settings("model=qwen2_5_vl_7b", f"launch={kind}")) for kind in ("ddp", "zero3"))
    assert shared["parameters"] == pytest.approx(alone["parameters"] / 2 / 4)  # bfloat16, of four GPUs
    assert shared["optimizer"] == pytest.approx(alone["optimizer"] * 12 / 8 / 4)  # with float32 masters
    assert shared["gathered to generate"] == pytest.approx(2 * COUNTS["qwen2_5_vl_7b"], abs=0.01)


@pytest.mark.slow
def test_adapters_need_no_reference_and_next_to_no_optimizer():
    full, small = (estimate(settings("model=qwen2_5_vl_3b", f"model.lora.rank={rank}")) for rank in (0, 16))
    assert small["reference"] == 0
    assert small["optimizer"] < 0.02 * full["optimizer"]
    assert small["parameters"] == full["parameters"]


@pytest.mark.slow
def test_the_paper_s_32b_does_not_fit_its_four_gpus():
    text = estimate_text(settings("model=qwen2_5_vl_32b", "launch=zero3"))
    assert "  80 GB  does not fit" in text
    assert "not measured" in text


def test_a_folder_s_own_configuration_is_counted(tmp_path):
    folder = shrunk("qwen2_5_vl", tmp_path)
    model = settings("model=qwen2_5_vl_3b", f"model.path={folder}").model
    loaded = load_model(model).model
    shape = shape_of(model)
    assert shape.parameters == sum(p.numel() for p in loaded.parameters())
    adapted = [
        (part.in_features, part.out_features)
        for name, part in loaded.named_modules()
        if isinstance(part, torch.nn.Linear) and ".layers." in name
    ]
    assert sorted(shape.targeted) == sorted(adapted)
