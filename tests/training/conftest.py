"""Runs on several processes for the tests that start them."""

import pytest

from tests.training.launched import Watched


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def do(monkeypatch, tmp_path):
    """Does a job with workers that write what they see under tmp_path/seen."""
    return Watched(monkeypatch, tmp_path / "seen")
