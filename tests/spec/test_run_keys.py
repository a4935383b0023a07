"""Runs keep their names: a setting that is added must not change the key of a run that does not use it."""

import pytest

from medloc.runs.key import run_key, without_unused_groups
from medloc.spec.job import compose_job


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "4c79fa5e1f5f401a"),
        (["dataset=tn3k", "method=vlm_r1"], "b3a5a527832463b8"),
        (["dataset=heel", "dataset.root=/x"], "cab11546715f1bb1"),
        (["dataset=ham10000", "method=zero_shot"], "f02f14b9e85bef6a"),
    ],
)
def test_golden_keys_of_composed_runs(overrides, expected):
    # A value that changes here takes their names from all records of such runs; see `ADDED_LATER` in the key's file.
    job = compose_job(overrides)
    config = without_unused_groups({**job.config, "threads": 2, "world_size": 1}, job.settings.method.uses_schedule)
    assert run_key(config, data="d" * 16, model="m" * 16) == expected


def test_what_a_manifest_brings_moves_the_key_only_where_it_moves_numbers():
    def key(*overrides):
        return run_key(compose_job(["dataset=manifest", *overrides]).config, data="d" * 16, model="m" * 16)

    plain = key("dataset.manifest=a.jsonl")
    assert key("dataset.manifest=b.jsonl", "dataset.root=/elsewhere") == plain
    for word in ("dataset.target=cyst", "dataset.validation_fraction=0.1", "dataset.boxes=all", "dataset.prompt=Where"):
        assert key("dataset.manifest=a.jsonl", word) != plain
