"""Phantoms that several tests look at."""

import pytest

from medloc.data.sets import SETS
from medloc.spec.dataset import PhantomSettings
from tests.data.helpers import TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A cache that holds the smallest phantoms of all three sets."""
    cache = tmp_path_factory.mktemp("phantoms")
    for name in ("ham10000", "tn3k", "heel"):
        SETS[name].phantoms.roots(PhantomSettings(**TINY), cache)
    return cache
