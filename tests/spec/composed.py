"""Compositions, each made once: one costs half a second."""

from functools import cache

from medloc.spec.compose import Job, compose_job


@cache
def composed(*overrides: str) -> Job:
    """The run of these overrides; tests read it and change nothing."""
    return compose_job(list(overrides))
