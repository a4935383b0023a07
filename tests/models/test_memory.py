"""Shapes of published checkpoints against their published counts, and what is estimated from them."""

import json
import socket
from dataclasses import replace

import pytest
import torch

from medloc.models import memory
from medloc.models.load import load_model
from medloc.models.memory import (
    HEADROOM,
    MARGIN,
    check_fits,
    estimate,
    estimate_text,
    fitting,
    largest_image,
    plain_out_of_memory,
    shape_of,
    smaller,
)
from medloc.models.published import SHAPES, configuration
from medloc.spec.compose import compose_job
from tests.data.helpers import save_image
from tests.models.shrunk import shrunk

COUNTS = {  # of the published weights, in 10^9
    "qwen2_5_vl_3b": 3.755, "qwen2_5_vl_7b": 8.292, "qwen2_5_vl_32b": 33.453,
    "qwen3_vl_2b": 2.128, "qwen3_vl_4b": 4.438, "qwen3_vl_8b": 8.767, "qwen3_vl_32b": 33.357,
    "internvl3_1b": 0.938, "internvl3_2b": 2.089, "internvl3_8b": 7.944, "internvl3_14b": 15.117,
    "internvl2_5_4b": 3.713,
}  # fmt: skip


def settings(*given):
    return compose_job(["train=paper", *given]).settings


@pytest.fixture(scope="module")
def shape():
    """Qwen2.5-VL-3B with images of 600 x 450 px."""
    return shape_of(settings("model=qwen2_5_vl_3b").model)


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


def test_every_shape_has_a_count_and_none_needs_the_network(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked the network"))
    assert set(SHAPES) == set(COUNTS)
    model = settings("model=qwen2_5_vl_3b").model
    for name in SHAPES:
        assert configuration(replace(model, name=name, path=f"hub/{name}")).vision_config


def test_a_hub_id_that_is_not_on_this_machine_is_one_line_without_the_network(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked the network"))
    with pytest.raises(FileNotFoundError, match=r"model\.path=nobody/nothing is no folder, .* hf download") as caught:
        shape_of(settings("model=tiny_s", "model.path=nobody/nothing").model)
    assert "\n" not in str(caught.value)


def test_qwen2_5_vl_3b_by_hand(shape):
    """3.7546 x 10^9 parameters on one GPU, float32: 4 bytes each for weights, gradients, reference, 8 for AdamW."""
    found = estimate(settings("model=qwen2_5_vl_3b"), shape)
    assert found["parameters"] == found["gradients"] == found["reference"] == pytest.approx(15.02, abs=0.01)
    assert found["optimizer"] == pytest.approx(30.04, abs=0.01)
    # 600 x 450 px are resized to 588 x 448: 21 x 16 = 336 tokens; 100 of the question, 512 of the answer; 100 images
    # are evaluated at once, more than the 64 completions of a step; 36 layers of 2 heads of 128, keys and values, 2
    # bytes: 100 x 948 x 36 x 512 x 2
    assert shape.image_tokens == 336
    assert found["keys and values"] == pytest.approx(100 * 948 * 36 * 512 * 2 / 1e9)
    # one group in a pass: its prompt once and eight answers. 36 layers keep 4 x 2048 bytes a token, so do 32 layers of
    # 1280 for the 4 x 336 patches of the one image. One layer is run again with 28 x 2048 + 8 x 11008 bytes a token;
    # 4096 x 32768 logits with their gradients take 8 bytes each, the head's gradient 151936 x 2048 x 4: more
    tokens = 436 + 8 * 512
    kept = tokens * 36 * 4 * 2048 + 4 * 336 * 32 * 4 * 1280
    again = max(tokens * (28 * 2048 + 8 * 11008), 4096 * 32768 * 8 + 151936 * 2048 * 4)
    assert found["activations"] == pytest.approx((kept + again) / 1e9)
    assert found["bfloat16 copies"] == pytest.approx(15.02 / 2, abs=0.01)
    # eight passes: the gradients of those before are there
    assert found["peak"] == pytest.approx(15.02 * 2 + 30.04 + 15.02 + 15.02 / 2 + found["activations"], abs=0.05)


FLOAT32 = ("train.optimizer=adamw_8bit", "train.reference_dtype=bfloat16")
PLAIN = ("train.gradient_checkpointing=false",)
SEPARATE = ("train.share_prompts=false",)  # every completion with its own prompt and image: how these were measured
FORWARD_BACKWARD = ("model.dtype=bfloat16", "train.optimizer=adamw_bf16", "train.beta=0")  # no optimizer was there

MEASURED = [  # settings, measured peak in 10^9 bytes, whether an optimizer was there; docs/scale.md has them all
    ((*FLOAT32, *PLAIN), (8, 8, 64), 62.7, True),
    ((*FLOAT32, *PLAIN), (8, 8, 128), 65.8, True),
    ((*FLOAT32, *PLAIN), (8, 16, 128), 78.7, True),
    (FLOAT32, (8, 32, 128), 62.7, True),
    (FORWARD_BACKWARD, (4, 32, 256), 24.7, False),
    ((*FORWARD_BACKWARD, *PLAIN, *SEPARATE), (1, 8, 64), 50.6, False),
    ((*PLAIN, *SEPARATE), (2, 4, 32), 100.4, True),
    ((*PLAIN, *SEPARATE), (4, 4, 64), 105.2, True),
]  # fmt: skip


@pytest.mark.parametrize(("given", "sizes", "peak", "optimizer"), MEASURED)
def test_the_estimate_is_within_its_margin_of_every_measured_peak(given, sizes, peak, optimizer, shape, monkeypatch):
    """The first six were measured with code that formed all logits at once: 12 bytes each, in three copies."""
    if peak < 100:
        monkeypatch.setattr(memory, "TILE", (10**6, 10**6))
        monkeypatch.setattr(memory, "LOGIT", 12)
    prompts, batch, tokens = sizes
    more = (f"train.prompts_per_step={prompts}", f"train.per_device_batch={batch}", "evaluation.batch_size=1")
    found = estimate(settings("model=qwen2_5_vl_3b", f"train.max_completion_length={tokens}", *more, *given), shape)
    guessed = found["peak"] - (0 if optimizer else found["optimizer"])
    assert guessed == pytest.approx(peak, rel=MARGIN)


@pytest.mark.parametrize(
    ("preset", "card", "rate"),
    [("paper_80gb", 80, 1e-6), ("paper_48gb", 40, 2.8e-6), ("paper_24gb", 24, 1e-5)],
)
def test_a_preset_fits_the_card_that_it_names(preset, card, rate, shape):
    """paper_48gb is also for cards of 40 GB."""
    made = settings("model=qwen2_5_vl_3b", f"train={preset}")
    assert estimate(made, shape)["peak"] < card * (1 - HEADROOM)
    assert memory.learning_rate(made) == rate
    assert made.train.max_completion_length == settings().train.max_completion_length


def test_what_the_paper_s_own_command_takes_on_one_card(shape):
    """Float32 weights, gradients, AdamW and reference: 82.5 GB with the copies before one activation (gpu: 80 GB)."""
    made = settings("model=qwen2_5_vl_3b")
    with pytest.raises(ValueError, match=r"an estimated 8\d GB on each GPU, and this one has 80; use train") as caught:
        check_fits(made, 80)
    assert "train.optimizer=adamw_8bit train.reference_dtype=bfloat16 (" in str(caught.value)
    assert "\n" not in str(caught.value)
    check_fits(made, 96)
    check_fits(settings("model=qwen2_5_vl_3b", "method=zero_shot"), 1)  # nothing is trained


def test_settings_that_take_less_are_offered_from_the_least_change_on(shape):
    made = settings("model=qwen2_5_vl_3b", "train.per_device_batch=32", *PLAIN)
    offered = [words for words, _ in smaller(made)]
    assert offered[0] == "train.passes=4 evaluation.batch_size=16"  # the same run, key and all
    assert offered[1] == "train.gradient_checkpointing=true"
    assert "model.lora.rank=16" in offered[-1]
    peaks = [estimate(tried, shape)["peak"] for _, tried in smaller(made)]
    assert all(peak < estimate(made, shape)["peak"] for peak in peaks)
    for words, _ in smaller(made):  # each can be typed as it stands
        settings("model=qwen2_5_vl_3b", "train.per_device_batch=32", *PLAIN, *words.split())
    assert fitting(made, shape, 24) == f"{offered[-2]} ({peaks[-2]:.0f} GB)"
    assert fitting(made, shape, 5) is None


def test_supervised_fine_tuning_has_no_reference_and_one_row_an_image(shape):
    """8 rows of 436 + 32 tokens, each with its own image; a pass is the whole step, so no gradients are there yet."""
    found = estimate(settings("model=qwen2_5_vl_3b", "method=sft"), shape)
    assert found["reference"] == 0
    kept = 8 * 468 * 36 * 4 * 2048 + 8 * 4 * 336 * 32 * 4 * 1280
    again = max(8 * 468 * (28 * 2048 + 8 * 11008), 256 * 32768 * 8 + 151936 * 2048 * 4)
    assert found["activations"] == pytest.approx((kept + again) / 1e9)
    states = found["parameters"] + found["optimizer"] + found["bfloat16 copies"]
    assert found["peak"] == pytest.approx(states + max(found["gradients"], found["activations"]))
    assert "reference" not in "".join(words for words, _ in smaller(settings("model=qwen2_5_vl_3b", "method=sft")))


def test_the_data_set_s_largest_image_is_counted(tmp_path):
    """1,600 x 1,200 px over sqrt(1,920,000 / 1,003,520) = 1.383 are 41.3 x 30.98 cells of 28 px, rounded down."""
    lines = [{"medloc_manifest": 1, "name": "own", "target": "nodule", "root": "images"}]
    for name, part, width, height in (("a", "train", 60, 45), ("b", "train", 1600, 1200), ("c", "test", 4000, 3000)):
        save_image(tmp_path / "images" / f"{name}.png", size=(width, height))
        where = {"id": name, "image": f"{name}.png", "width": width, "height": height, "split": part}
        lines.append(where | {"boxes": [[1, 2, 20, 30]]})
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    given = ["dataset=manifest", f"dataset.manifest={tmp_path / 'm.jsonl'}", f"cache={tmp_path / 'cache'}"]
    made = settings("model=qwen2_5_vl_3b", *given)
    assert largest_image(made) == (1600, 1200)
    assert memory._image_tokens(configuration(made.model), made.model, 1600, 1200) == 41 * 30


def test_internvl_counts_whole_tiles_and_a_thumbnail():
    """Tiles of 448 px and 256 tokens, at most twelve, on the canvas whose shape is nearest to the image's."""
    model = settings("model=internvl3_1b").model
    config = configuration(model)
    for size, tokens in (((600, 450), 256 * (4 * 3 + 1)), ((2000, 400), 256 * (5 + 1)), ((400, 400), 256)):
        assert memory._image_tokens(config, model, *size) == tokens


LACK = "CUDA out of memory. Tried to allocate 2 GiB.\nMore."


@pytest.mark.parametrize(
    ("given", "doing", "said"),
    [
        (["train.per_device_batch=32"], "training", "train.passes=1: .* use train.passes=2, and the same run goes on"),
        (["train.per_device_batch=8", "train.passes=8"], "training", "train.max_completion_length=512: .* a new run"),
        ([], "answering", "evaluation.batch_size=100: .* use evaluation.batch_size=50, and the same run goes on"),
        (["evaluation.batch_size=1"], "answering", "train.max_completion_length=512: .* a new run"),
    ],
)
def test_running_out_of_memory_is_one_line_with_the_setting(given, doing, said):
    with pytest.raises(ValueError, match=said) as one, plain_out_of_memory(settings(*given), doing):
        raise torch.OutOfMemoryError(LACK)
    assert str(one.value).endswith("(CUDA out of memory).")


@pytest.mark.slow
def test_zero3_shares_everything_and_gathers_to_generate():
    alone, shared = (estimate(settings("model=qwen2_5_vl_7b", f"launch={kind}")) for kind in ("ddp", "zero3"))
    assert shared["parameters"] == pytest.approx(alone["parameters"] / 2 / 4)  # bfloat16, of four GPUs
    assert shared["optimizer"] == pytest.approx(alone["optimizer"] * 12 / 8 / 4)  # with float32 masters
    assert shared["gathered to generate"] == pytest.approx(2 * COUNTS["qwen2_5_vl_7b"], abs=0.01)


def test_adapters_need_no_reference_and_next_to_no_optimizer(shape):
    full, small = (estimate(settings("model=qwen2_5_vl_3b", f"model.lora.rank={rank}"), shape) for rank in (0, 16))
    assert small["reference"] == 0
    assert small["optimizer"] < 0.02 * full["optimizer"]
    assert small["parameters"] == full["parameters"]


@pytest.mark.slow
def test_the_paper_s_32b_does_not_fit_its_four_gpus():
    text = estimate_text(settings("model=qwen2_5_vl_32b", "launch=zero3"))
    assert "  80 GB  does not fit" in text
    assert "not measured" in text


def test_the_table_says_what_was_assumed_and_which_rate_holds():
    text = estimate_text(settings("model=qwen2_5_vl_3b", "train=paper_24gb"))
    assert "images of 600 x 450 px (assumed; dataset.root gives your own): 336 tokens; answers of 512 tokens" in text
    assert "model.lora.learning_rate=1e-05" in text
    assert "  24 GB  fits" in text


def test_a_folder_s_own_configuration_is_counted(tmp_path):
    folder = shrunk("qwen2_5_vl", tmp_path)
    model = settings("model=qwen2_5_vl_3b", f"model.path={folder}").model
    loaded = load_model(model).model
    found = shape_of(model)
    assert found.parameters == sum(p.numel() for p in loaded.parameters())
    adapted = [
        (part.in_features, part.out_features)
        for name, part in loaded.named_modules()
        if isinstance(part, torch.nn.Linear) and ".layers." in name
    ]
    assert sorted(found.targeted) == sorted(adapted)
