"""Disk space: what a checkpoint holds, with and without adapters."""

import shutil
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model

from medloc.training.runner.machine import check_disk_space

BASE = 4 * 1000 * 1000  # bytes of the weights below


def trainer_of(model):
    return SimpleNamespace(model=model, args=SimpleNamespace(save_total_limit=2, max_steps=10, save_steps=2))


def network():
    return torch.nn.Sequential(torch.nn.Linear(1000, 1000, bias=False))


@pytest.fixture
def free(monkeypatch, tmp_path):
    def only(size):
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=size))

    return only


def test_all_weights_in_training_are_in_every_checkpoint_with_two_moments(free, tmp_path):
    need = 3 * 3 * BASE + BASE
    free(need - 1)
    with pytest.raises(OSError, match=r"3 checkpoints of 12\.0 MB with the trained weights need 40\.0 MB"):
        check_disk_space(trainer_of(network()), tmp_path)
    free(need)
    check_disk_space(trainer_of(network()), tmp_path)


def test_frozen_weights_have_no_moments(free, tmp_path):
    model = network()
    model.requires_grad_(False)
    free(4 * BASE)
    check_disk_space(trainer_of(model), tmp_path)


def test_a_checkpoint_of_adapters_is_without_the_base_which_is_saved_once(free, tmp_path):
    model = get_peft_model(network(), LoraConfig(r=2, target_modules=["0"]))
    adapter = 4 * 2 * (1000 + 1000)
    need = 3 * 3 * adapter + BASE + adapter
    free(need - 1)
    with pytest.raises(OSError, match="3 checkpoints of 0"):
        check_disk_space(trainer_of(model), tmp_path)
    free(need)
    check_disk_space(trainer_of(model), tmp_path)
