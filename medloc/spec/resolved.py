"""A job as a file: the resolved configuration, from which a worker gets the same job without Hydra."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from medloc.spec import curriculum, dataset, launch, rollout, run
from medloc.spec import model as published
from medloc.spec.job import Job
from medloc.spec.run import Settings

SCHEMAS: dict[tuple[str, str], type] = {
    key: schema
    for module in (curriculum, dataset, launch, published, rollout, run)
    for key, schema in module.SCHEMAS.items()
}


def write_job(path: Path, job: Job) -> None:
    """Write a job's resolved configuration and what sets it apart."""
    path.write_text(json.dumps({"config": job.config, "variant": job.variant}, indent=1), encoding="utf-8")


def read_job(path: Path) -> Job:
    """Read what `write_job` wrote; types and names are checked again.

    Raises:
        ValueError: a group has keys that no schema has.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    config = content["config"]
    parts = {key: _typed(key, value) for key, value in config.items()}
    settings = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Settings), parts))
    assert isinstance(settings, Settings)
    return Job(settings, config, content["variant"])


def _typed(group: str, value: Any) -> Any:
    """Give a group's values the schema that has exactly their keys."""
    schemas = {name: schema for (where, name), schema in SCHEMAS.items() if where == group}
    if not schemas or not isinstance(value, Mapping):
        return value
    own = f"{value.get('name')}_schema"  # two schedules have the same keys
    for schema in sorted(schemas.values(), key=lambda schema: schema is not schemas.get(own)):
        if is_dataclass(schema) and {field.name for field in fields(schema)} == set(value):
            return OmegaConf.merge(OmegaConf.structured(schema), dict(value))
    raise ValueError(f"{group} has keys that no schema of it has: {', '.join(value)}.")
