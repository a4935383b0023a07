"""Settings of the whole suite."""

import sys

import pytest
from hypothesis import settings

# A busy machine must not fail a test: no deadline on a single example.
settings.register_profile("medloc", deadline=None)
settings.register_profile("mutation", deadline=None, max_examples=20)  # once for each of a thousand mutants
settings.load_profile("medloc")


@pytest.fixture(autouse=True)
def _ordinary_tiny_numbers():
    """A training run rounds numbers below 1e-38 to 0 for good; Hypothesis refuses to draw floats then."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
