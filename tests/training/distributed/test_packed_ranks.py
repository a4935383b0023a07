"""Packed groups on two processes: under DDP, with groups cut between them, and through FSDP2's shards."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from trl.trainer.utils import add_fused_lm_head

from medloc.models.load import load_model
from medloc.spec.compose import compose_job
from medloc.training.grpo.packed_groups import arguments_of, last_columns
from medloc.training.grpo.packing import pack
from tests.small import CHECKOUT

RANKS = 2


@pytest.mark.slow
def test_two_ranks_end_with_the_weights_of_separate_rows(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}"]
    done = subprocess.run(
        [*command, "-m", "tests.training.packed_ranks", str(tmp_path)],
        cwd=CHECKOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    separate, packed = (load_file(tmp_path / f"{name}.safetensors") for name in ("separate", "packed"))
    assert separate.keys() == packed.keys()
    assert max((separate[name] - packed[name]).abs().max().item() for name in separate) < 1e-4


def _packed_gradient(model):
    """Log-probabilities of two answers to a text prompt, packed, and the gradient of their sum."""
    ids = torch.tensor([[0, 7, 9, 5, 11, 12], [0, 7, 9, 5, 21, 0]])
    mask = torch.tensor([[0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0]])
    packed = pack(ids, mask, 2, [0, 0], torch.arange(6).expand(1, 6))
    with last_columns(model.model, packed.labels.shape[1]):
        logps = packed.unpack(model(**arguments_of(packed), fused_lm_head=True).log_probs)
    logps.sum().backward()
    weights = [weight for weight in model.model.language_model.parameters() if weight.grad is not None]
    full = [w.grad.full_tensor() if hasattr(w.grad, "full_tensor") else w.grad for w in weights]
    return logps.detach(), torch.cat([gradient.flatten() for gradient in full])


def _model():
    model = load_model(compose_job([]).settings.model).model.train()
    add_fused_lm_head(model, temperature=0.9, outputs=("log_probs",))
    return model


def _on_rank(rank, folder):
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    model, mesh = _model(), init_device_mesh("cpu", (RANKS,))
    for layer in model.model.language_model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    torch.save(_packed_gradient(model), folder / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_shards_of_fsdp2_give_the_log_probabilities_and_gradients_of_the_whole_model(tmp_path):
    multiprocessing.spawn(_on_rank, (tmp_path,), nprocs=RANKS)
    logps, gradient = _packed_gradient(_model())
    for rank in range(RANKS):
        found = torch.load(tmp_path / f"{rank}.pt")
        assert (found[0] - logps).abs().max() < 1e-5
        assert (found[1] - gradient).norm() / gradient.norm() < 1e-5
