"""The GPU benchmark at a small size on the processor: every number is there, and both trainers did the same work."""

import importlib.util
import json

import pytest
import torch

from benchmarks import gpu_step, output
from tests.models.shrunk import shrunk


def needs_torchao(test):
    """A test for `make test-engines`, which installs torchao: with it every import of transformers takes longer."""
    missing = importlib.util.find_spec("torchao") is None
    return pytest.mark.engines(pytest.mark.skipif(missing, reason="torchao is not installed")(test))


SMALL = ("train.prompts_per_step=2", "train.group_size=4", "train.per_device_batch=8", "evaluation.batch_size=4")


def measured(tmp_path, monkeypatch, *options):
    """Runs the benchmark on a small checkpoint, one step after a warm-up of one."""
    monkeypatch.setattr(output, "CHECKOUT", tmp_path)
    monkeypatch.setattr(gpu_step, "WARM_UP", 1)
    folder = shrunk("qwen2_5_vl", tmp_path / "base")
    given = ["--shrunk", str(folder), "--device", "cpu", "--tokens", "6", "--steps", "1", "--matrix", "64"]
    with torch.compiler.set_stance("force_eager"):
        return gpu_step.main([*given, *options, "--overrides", *SMALL])


@needs_torchao
def test_both_trainers_are_measured_in_all_parts(tmp_path, monkeypatch):
    found = measured(tmp_path, monkeypatch, "--settings", "80gb")["settings"]
    assert set(found) == {"80gb", "80gb, plain TRL"}
    for one in found.values():
        assert len(one["steps"]) == 1
        assert all(one["split_s"][part] > 0 for part in gpu_step.PARTS)
        assert sum(one["split_s"].values()) < one["step_s"]
        assert one["decode_ms_a_token"] > 0
        assert one["peak_gb"] is None  # no GPU, no number
    assert found["80gb"]["model_flop"] == found["80gb, plain TRL"]["model_flop"]
    written = json.loads((tmp_path / "results" / "benchmarks" / "gpu_step.json").read_text())
    assert written["settings"].keys() == found.keys()


@pytest.mark.slow
@needs_torchao
def test_bfloat16_weights_and_adapters_are_measured_and_losses_compared(tmp_path, monkeypatch):
    found = measured(tmp_path, monkeypatch, "--settings", "48gb", "24gb", "--losses")
    assert set(found["settings"]) == {"48gb", "24gb"}
    packed, separate = found["losses"]["packed"], found["losses"]["separate"]
    assert len(packed) == len(separate) == 3
    assert packed[0] == pytest.approx(separate[0], rel=0.1, abs=1e-3)  # bfloat16


def test_a_setting_that_does_not_fit_is_reported_and_the_next_one_tried(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(output, "CHECKOUT", tmp_path)
    one = {
        "step_s": 2.0,
        "steps": [2.0],
        "split_s": dict.fromkeys(gpu_step.PARTS, 0.3),
        "decode_ms_a_token": 1.0,
        "peak_gb": 1.0,
        "estimated_gb": 1.0,
        "completions_per_s": 4.0,
        "model_flop": 1e9,
    }

    def tried(plain, name, *_):
        if name == "80gb":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return one

    monkeypatch.setattr(gpu_step, "measure", tried)
    found = gpu_step.main(["--device", "cpu", "--settings", "80gb", "24gb", "--plain", "none", "--matrix", "64"])
    assert found["settings"] == {"80gb": {"failed": "CUDA out of memory"}, "24gb": one}
    assert "80gb: CUDA out of memory" in capsys.readouterr().out


@pytest.mark.slow
@needs_torchao
def test_a_whole_run_is_ended_and_resumed():
    found = gpu_step.whole_run(gpu_step.parser().parse_args(["--device", "cpu"]))
    assert (found["first_ended_with"], found["second_ended_with"], found["status"]) == (143, 0, "complete")
    assert 3 <= found["steps_before"] < 8 == found["steps"]


def test_without_a_gpu_it_says_so():
    if gpu_step.torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SystemExit, match="no GPU here"):
        gpu_step.main([])
