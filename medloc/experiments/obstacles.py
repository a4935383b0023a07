"""Why a run cannot be made on this machine, found out before it is tried."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medloc.experiments.planned import PlannedRun
from medloc.spec.conf_files import chosen_options, default_value, has_option
from medloc.spec.words import settings_of

BASES = Path(__file__).resolve().parents[1] / "models" / "bases"
CLIP = "clip_tiny"


def obstacle(run: PlannedRun) -> str | None:
    """Return the reason and the remedy in one line; None where nothing is in the way."""
    settings = settings_of(run.overrides)
    options = chosen_options(settings)
    for group, option in options.items():
        if not has_option(group, option):
            return f"{group}={option}: conf/{group}/{option}.yaml is not there"
    for base in _bases(settings, options):
        if not (BASES / base / "config.json").is_file():
            return f"{base}: its base is not there; make it with `python -m medloc.pretrain model={base}`"
    return None


def _bases(settings: Mapping[str, Any], options: Mapping[str, str]) -> list[str]:
    """Return the names of the shipped weights that a run loads."""

    def said(key: str) -> Any:
        return settings.get(key, default_value(key, options))

    model = [] if said("model.path") else [options["model"]]
    judge = [CLIP] if said("method.semantic_weight") and not said("method.semantic_model") else []
    return model + judge
