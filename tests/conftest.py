"""Settings of the whole suite."""

from hypothesis import settings

# A busy machine must not fail a test: no deadline on a single example.
settings.register_profile("medloc", deadline=None)
settings.load_profile("medloc")
