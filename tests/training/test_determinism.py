"""`deterministic=true`: what is asked of PyTorch, and another name for the run.

That a GPU then repeats itself was measured (docs/scale.md): pairs of small runs often agree without it, too.
"""

import os

import pytest
import torch

from medloc.runs.key import run_key
from medloc.spec.compose import compose_job
from medloc.training.runner.hardware import set_determinism
from medloc.training.runner.runner import run_job
from tests.small import overrides
from tests.training.launched import same


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is put back afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    yield
    set_determinism(False)


def test_a_run_that_asks_for_it_has_a_key_of_its_own_and_no_other_identity():
    plain, exact = compose_job([]), compose_job(["deterministic=true"])
    assert run_key(exact.config, data="d", model="m") != run_key(plain.config, data="d", model="m")
    assert exact.variant == plain.variant == ""


def test_it_is_asked_of_pytorch_for_the_run_that_wants_it_alone():
    set_determinism(False)
    asked = [(torch.get_deterministic_debug_mode(), os.environ.get("CUBLAS_WORKSPACE_CONFIG"))]
    set_determinism(True)
    asked.append((torch.get_deterministic_debug_mode(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")))
    set_determinism(False)
    # 2 = error: under 1, a warning, the kernel stays as it is. Without the variable PyTorch refuses cuBLAS
    assert asked == [(0, None), (2, ":4096:8")]
    assert torch.get_deterministic_debug_mode() == 0


def test_what_the_user_told_cublas_is_kept(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    set_determinism(True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_a_small_run_trains_under_it_as_without(tmp_path, cache):
    """On a processor the kernels repeat themselves anyway: the numbers are those of the ordinary run."""
    plain = run_job(compose_job(overrides(tmp_path, cache, "device=cpu")))
    exact = run_job(compose_job(overrides(tmp_path, cache, "device=cpu", "deterministic=true")))
    assert torch.are_deterministic_algorithms_enabled()
    assert exact.record.config["deterministic"] is True
    assert plain.folder != exact.folder
    same(plain.folder, exact.folder)
