"""The second family through the whole run: TRL, the curriculum, evaluation, records, resuming."""

import json

import pytest
import torch
from safetensors.torch import load_file

from medloc.data.images import open_image
from medloc.evaluation.samples import read_samples
from medloc.models.load import BASES, load_model
from medloc.score import main as score
from medloc.spec.compose import compose_job
from medloc.training.callbacks.trace import TraceWriter
from medloc.training.runner.runner import run_job
from tests.small import overrides

INTERNVL = ("model=internvl_tiny", "window.size=2")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, cache):
    return run_job(compose_job(overrides(tmp_path_factory.mktemp("results"), cache, *INTERNVL)))


def test_the_shipped_base_is_the_genuine_class_and_about_as_large_as_tiny_s():
    loaded = load_model(compose_job(["model=internvl_tiny"]).settings.model)
    assert type(loaded.model).__name__ == "InternVLForConditionalGeneration"
    small = load_model(compose_job([]).settings.model).model
    ours, theirs = (sum(p.numel() for p in model.parameters()) for model in (loaded.model, small))
    assert abs(ours / theirs - 1) < 0.2
    assert sum(f.stat().st_size for f in (BASES / "internvl_tiny").iterdir()) < 5e6


def test_grpo_trains_it_and_leaves_a_complete_record(outcome):
    record = outcome.record
    assert (record.status, record.label) == ("complete", "phantom data, internvl_tiny model")
    assert record.metrics["zero_shot"]["parse_rate"] > 0.9
    trace = [json.loads(line) for line in (outcome.folder / "trace.jsonl").read_text().splitlines()]
    assert [line["step"] for line in trace] == [1, 2, 3, 4, 5, 6]
    assert any(line["grad_norm"] > 0 for line in trace)
    before, after = (load_file(f / "model.safetensors") for f in (BASES / "internvl_tiny", outcome.folder / "model"))
    assert before.keys() == after.keys()
    assert sum(not torch.equal(before[key], after[key]) for key in before) > 0.9 * len(before)


def test_its_answers_are_thousandths_and_score_the_same_without_the_model(outcome, capsys):
    for sample in read_samples(outcome.folder / "samples.jsonl"):
        assert (sample.space, sample.answer_width, sample.answer_height) == ("thousand", 1000, 1000)
    assert score([str(outcome.folder / "samples.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx(outcome.record.metrics["final"])


@pytest.mark.slow
def test_an_interrupted_run_ends_as_if_it_had_not_been(outcome, tmp_path, cache, monkeypatch):
    """Stopped in the fifth of six steps; checkpoints lie at 2 and 4."""
    stop = TraceWriter.on_step_end

    def stopping(self, args, state, control, **rest):
        if state.global_step == 5:
            raise RuntimeError("power cut")
        return stop(self, args, state, control, **rest)

    monkeypatch.setattr(TraceWriter, "on_step_end", stopping)
    with pytest.raises(RuntimeError, match="power cut"):
        run_job(compose_job(overrides(tmp_path, cache, *INTERNVL)))
    monkeypatch.undo()
    resumed = run_job(compose_job(overrides(tmp_path, cache, *INTERNVL)))
    assert resumed.folder.name == outcome.folder.name
    for name in ("trace.jsonl", "samples.jsonl", "curve.jsonl"):
        assert (resumed.folder / name).read_bytes() == (outcome.folder / name).read_bytes()


def test_images_of_several_tiles_go_through_trl(tmp_path, cache):
    """Published checkpoints cut an image into up to twelve tiles and a thumbnail; micro-batches keep them together."""
    given = overrides(
        tmp_path, cache, *INTERNVL, "model.max_pixels=50176", "train.per_device_batch=4", "train.max_steps=2"
    )
    done = run_job(compose_job(given))
    assert done.record.status == "complete"
    loaded = load_model(compose_job(given).settings.model)
    image = next(iter(done.images.values()))
    tiles = loaded.processor.image_processor(open_image(image), return_tensors="pt")["pixel_values"]
    assert len(tiles) > 2
