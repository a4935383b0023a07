"""Every published preset's path, its checkpoint made small: trained, interrupted, resumed, evaluated, asked."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file

from medloc.evaluation.predict import load_checkpoint, predict
from medloc.models.load import load_model
from medloc.rewards import REWARDS
from medloc.spec.compose import compose_job
from medloc.spec.machine import CONF
from medloc.training.callbacks.trace import TraceWriter
from medloc.training.distributed.launch import do_job
from medloc.training.runner.runner import run_job
from tests.models.shrunk import BOUNDS, shrunk
from tests.small import overrides

PRESETS = {
    "qwen2_5_vl": ("qwen2_5_vl_3b", "qwen2_5_vl_7b", "qwen2_5_vl_32b"),
    "qwen3_vl": ("qwen3_vl_2b", "qwen3_vl_4b", "qwen3_vl_8b", "qwen3_vl_32b"),
    "internvl": ("internvl3_1b", "internvl3_2b", "internvl3_8b", "internvl3_14b", "internvl2_5_4b"),
}
LATER = [pytest.param(name, marks=pytest.mark.slow) for name in ("qwen3_vl_2b", "internvl3_1b")]
FIRST = ["qwen2_5_vl_3b", *LATER]
OTHERS = [name for names in PRESETS.values() for name in names[1:]]


def letters(answer, moment):
    """A reward by which random weights can learn: no answer of theirs holds a box."""
    return sum(answer.text.encode()) % 7 / 7


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return {family: shrunk(family, tmp_path_factory.mktemp(family)) for family in PRESETS}


@pytest.fixture
def _rewarded(monkeypatch):
    monkeypatch.setitem(REWARDS, "letters", {None: letters})


def job_of(results, cache, bases, preset, *more):
    family = next(family for family, names in PRESETS.items() if preset in names)
    given = ("method.reward=letters", "train.max_steps=3", "train.max_completion_length=6", "train.learning_rate=0.001")
    return compose_job(
        overrides(
            results, cache, f"model={preset}", f"model.path={bases[family]}", f"model.max_pixels={BOUNDS[family]}",
            *given, *more,
        )
    )  # fmt: skip


def interrupted_and_resumed(job, monkeypatch):
    """Stops in the second step, after a checkpoint at the first, and goes on."""
    stop = TraceWriter.on_step_end

    def stopping(self, args, state, control, **rest):
        if state.global_step == 2:
            raise RuntimeError("power cut")
        return stop(self, args, state, control, **rest)

    with monkeypatch.context() as patched:
        patched.setattr(TraceWriter, "on_step_end", stopping)
        with pytest.raises(RuntimeError, match="power cut"):
            run_job(job)
    return run_job(job)


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def check(preset, bases, tmp_path, cache, monkeypatch, *more):
    whole = run_job(job_of(tmp_path / "whole", cache, bases, preset, *more))
    parts = interrupted_and_resumed(job_of(tmp_path / "parts", cache, bases, preset, *more), monkeypatch)
    assert whole.record.status == parts.record.status == "complete"
    for name in ("trace.jsonl", "samples.jsonl", "curve.jsonl"):
        assert (whole.folder / name).read_bytes() == (parts.folder / name).read_bytes()
    trained, again = weights(whole.folder), weights(parts.folder)
    assert trained.keys() == again.keys()
    assert all(torch.equal(trained[key], again[key]) for key in trained)
    trace = [json.loads(line) for line in (whole.folder / "trace.jsonl").read_text().splitlines()]
    assert [line["step"] for line in trace] == [1, 2, 3]
    assert all(line["grad_norm"] > 0 for line in trace)
    (line,) = predict(
        load_checkpoint(whole.folder / "model", "cpu"), [next(iter(whole.images.values()))], "Where?", 4, None
    )
    assert (line["box"] is None) == (line["failure"] is not None)
    return whole, trained


@pytest.mark.usefixtures("_rewarded")
@pytest.mark.parametrize("preset", FIRST)
def test_a_family_trains_resumes_exactly_evaluates_and_answers(preset, bases, tmp_path, cache, monkeypatch):
    whole, trained = check(preset, bases, tmp_path, cache, monkeypatch)
    family = next(family for family, names in PRESETS.items() if preset in names)
    index = json.loads((bases[family] / "model.safetensors.index.json").read_text())["weight_map"]
    assert trained.keys() == index.keys()  # the published names
    base = {key: value for name in set(index.values()) for key, value in load_file(bases[family] / name).items()}
    moved = [key for key in base if not torch.equal(base[key], trained[key])]
    assert len(moved) > 0.9 * len(base)
    card = (whole.folder / "model" / "README.md").read_text()
    assert "Not a medical device" in card
    assert "Phantom data" in card
    plain = getattr(transformers, type(load_checkpoint(whole.folder / "model").model).__name__)
    assert f"{plain.__name__}.from_pretrained" in card
    assert plain.from_pretrained(whole.folder / "model").config.get_text_config().use_cache


@pytest.mark.slow
@pytest.mark.usefixtures("_rewarded")
@pytest.mark.parametrize("preset", OTHERS)
def test_every_other_preset_does_too(preset, bases, tmp_path, cache, monkeypatch):
    check(preset, bases, tmp_path, cache, monkeypatch)


@pytest.mark.usefixtures("_rewarded")
def test_adapters_train_resume_exactly_and_are_merged_into_an_ordinary_checkpoint(bases, tmp_path, cache, monkeypatch):
    lora = ("model.lora.rank=4", "model.lora.learning_rate=0.01", "model.lora.targets=[q_proj,gate_proj]")
    _, trained = check("qwen2_5_vl_3b", bases, tmp_path, cache, monkeypatch, *lora)
    index = json.loads((bases["qwen2_5_vl"] / "model.safetensors.index.json").read_text())["weight_map"]
    base = {key: value for name in set(index.values()) for key, value in load_file(bases["qwen2_5_vl"] / name).items()}
    assert trained.keys() == base.keys()
    moved = {key for key in base if not torch.equal(base[key], trained[key])}
    wanted = {k for k in base if k.startswith("model.") and ("q_proj.weight" in k or "gate_proj.weight" in k)}
    assert moved == wanted  # the vision tower has a gate_proj too


@pytest.mark.slow
@pytest.mark.usefixtures("_rewarded")
@pytest.mark.parametrize("preset", FIRST)
def test_a_frozen_vision_tower_stays(preset, bases, tmp_path, cache):
    done = run_job(job_of(tmp_path, cache, bases, preset, "model.freeze_vision=true", "train.max_steps=2"))
    family = next(family for family, names in PRESETS.items() if preset in names)
    index = json.loads((bases[family] / "model.safetensors.index.json").read_text())["weight_map"]
    base = {key: value for name in set(index.values()) for key, value in load_file(bases[family] / name).items()}
    trained = weights(done.folder)
    seeing = {key for key in base if "visual." in key or "vision_tower." in key}
    assert seeing
    assert all(torch.equal(base[key], trained[key]) for key in seeing)
    assert any(not torch.equal(base[key], trained[key]) for key in base.keys() - seeing)


@pytest.mark.slow
@pytest.mark.parametrize("preset", FIRST)
def test_sft_trains_it_with_and_without_adapters(preset, bases, tmp_path, cache):
    for more in ((), ("model.lora.rank=2",)):
        job = job_of(tmp_path, cache, bases, preset, "method=sft", "method.reward=null", "train.max_steps=2", *more)
        assert run_job(job).record.status == "complete"


def test_every_published_preset_is_tried_here():
    written = {path.stem for path in (CONF / "model").glob("*.yaml") if "_published" in path.read_text()}
    assert written - {"_published"} == {name for names in PRESETS.values() for name in names}
    settings = compose_job(["model=qwen2_5_vl_3b", "train=paper"]).settings
    assert (settings.model.dtype, settings.train.bf16) == ("float32", True)


REFUSED = [
    (["model=qwen2_5_vl_3b", "model.dtype=bfloat16"], r"bfloat16 has no float32 masters under launch=single"),
    (["model=qwen2_5_vl_3b", "model.dtype=float8"], r"model\.dtype=float8 is not known; use one of float32, bfloat16"),
    (["model=qwen2_5_vl_3b", "model.lora.rank=8", "model.lora.targets=[lm_head]"], r"lm_head\]: .* leave it out"),
    (["model=qwen2_5_vl_3b", "model.lora.rank=8", "model.lora.targets=[]"], r"model\.lora\.targets=\[\] must name"),
    (["model=qwen2_5_vl_3b", "model.lora.rank=-1"], r"model\.lora\.rank=-1 must be at least 0"),
    (["model=qwen3_vl_4b", "model.attention=fast"], r"model\.attention=fast is not known; use one of eager, sdpa"),
    (["model=qwen3_vl_4b", "model.attention=flash_attention_2", "device=cpu"], r"flash_attention_2 needs a GPU"),
    (
        ["model=qwen2_5_vl_32b", "model.lora.rank=8", "launch=zero3", "train.per_device_batch=8"],
        r"model\.lora\.rank=8 cannot be merged from the shards of launch=zero3; use launch=ddp",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_a_wrong_combination_is_refused_before_anything_loads(given, message):
    with pytest.raises(ValueError, match=message) as caught:
        compose_job(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        ["method=zero_shot"],
        ["model.lora.rank=8"],
        ["launch=zero2", "train.per_device_batch=8", "train.bf16=true"],
    ],
)
def test_bfloat16_weights_are_for_those_that_keep_masters_or_train_none(given):
    assert compose_job(["model=qwen2_5_vl_3b", "model.dtype=bfloat16", *given]).settings.model.dtype == "bfloat16"


def test_a_checkpoint_that_transformers_does_not_load_says_what_to_do():
    settings = compose_job(["model=internvl2_5_4b"]).settings.model
    with pytest.raises(FileNotFoundError, match=r"model\.path=null: model=internvl2_5_4b has no checkpoint"):
        load_model(settings)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["qwen2_5_vl_3b", "qwen3_vl_2b", "internvl3_1b"])
def test_a_family_trains_in_the_launch_that_runs_on_processor_cores(preset, bases, tmp_path, cache):
    launch = ("method.reward=raw_iou", "launch=ddp", "launch.processes=2", "device=cpu", "train.per_device_batch=4")
    done = do_job(job_of(tmp_path, cache, bases, preset, *launch))
    assert (done.record.status, done.record.config["world_size"]) == ("complete", 2)
    trace = [json.loads(line) for line in (done.folder / "trace.jsonl").read_text().splitlines()]
    assert [line["step"] for line in trace] == [1, 2, 3]
    assert [len(group) for line in trace for group in line["ious"]] == [4] * 6  # two groups a step, whole again
    assert len(weights(done.folder)) > 10
    assert not do_job(job_of(tmp_path, cache, bases, preset, *launch)).fresh
