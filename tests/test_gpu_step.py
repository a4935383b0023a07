"""The GPU benchmark at a small size on the processor: every number is there, and both trainers did the same work."""

import pytest

from benchmarks import gpu_step, output
from tests.models.shrunk import shrunk


@pytest.mark.slow
def test_both_trainers_are_measured_in_all_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "CHECKOUT", tmp_path)
    folder = shrunk("qwen2_5_vl", tmp_path / "base")
    found = gpu_step.main(
        [
            *("--shrunk", str(folder), "--device", "cpu", "--prompts", "2", "--batch", "16", "--tokens", "6"),
            *("--steps", "2", "--matrix", "64"),
        ]
    )
    assert set(found) == {"plain", "ours"}
    for one in found.values():
        assert len(one["steps"]) == 2
        assert all(value > 0 for value in one["split_s"].values())
        assert one["tokens_per_s"] > 0
        assert one["peak_gb"] is None  # no GPU, no number
    assert found["plain"]["model_flop"] == found["ours"]["model_flop"]
    assert list((tmp_path / "results" / "benchmarks").glob("gpu_step.json"))


def test_without_a_gpu_it_says_so():
    if gpu_step.torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SystemExit, match="no GPU here"):
        gpu_step.main([])
