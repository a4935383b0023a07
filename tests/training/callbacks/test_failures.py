"""What libraries raise when the disk or the numbers give out, as they really raise it."""

import resource

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from medloc.models.base import BASES
from medloc.training.callbacks.stop import DivergedError, plain_failures
from medloc.training.runner.machine import check_writable


@pytest.fixture
def small_files():
    """Files of this process may have 1,000 bytes, as if the disk were full after that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def weights(path):
    save_file({"weight": torch.zeros(10_000)}, path)


def moments(path):
    torch.save({"moment": torch.zeros(10_000)}, path)


def tokens(path):
    load_tokenizer().save(str(path))


def load_tokenizer():
    return Tokenizer.from_file(str(BASES / "tiny_s" / "tokenizer.json"))


@pytest.mark.parametrize("save", [weights, moments, tokens])
def test_a_full_disk_is_said_in_one_line(save, tmp_path, small_files):
    with pytest.raises(OSError, match=r"could not be written \(.*\); is the disk full\?"), plain_failures(tmp_path):
        save(tmp_path / "file")


def test_probabilities_that_are_none_are_named():
    says = r"probabilities are not finite: .* lower train\.learning_rate"
    with pytest.raises(DivergedError, match=says), plain_failures("run"):
        torch.multinomial(torch.tensor([float("nan"), 1.0]), 1)


def test_anything_else_is_left_as_it_is():
    with pytest.raises(RuntimeError, match="shapes"), plain_failures("run"):
        raise RuntimeError("shapes differ")


def test_a_folder_below_a_file_is_refused_by_key(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cache=.*/file/a/b cannot be made: .*/file is not a folder"):
        check_writable("cache", tmp_path / "file" / "a" / "b")
    check_writable("cache", tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()
