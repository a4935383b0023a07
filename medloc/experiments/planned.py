"""A run that is wanted: the overrides that make it, and the words by which its record is found."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from medloc.runs.key import CURRICULUM_GROUPS
from medloc.spec.conf_files import chosen_options, default_value
from medloc.spec.words import settings_of, word

IDENTITY_GROUPS = ("dataset", "model", "method", "schedule", "train")
"""Groups named in a record's identity."""

NOT_A_VARIANT = (
    *("seed", "results", "cache", "rerun", "device", "threads", "deterministic", "tracking", "launch"),
    *("train.max_steps", "dataset.root", "dataset.manifest", "dataset.evaluate_on", "model.path", "evaluation.keep_mb"),
    *("guard.non_finite", "guard.most_skipped", "guard.most_kl", "guard.most_dead"),
    *("launch.engine", "launch.processes", "launch.offload", "launch.timeout_s"),
    *("launch.machines", "launch.machine", "launch.address", "launch.port"),
)
"""Keys that change no number but its last bits, or that the identity names."""


class PartialIdentity(TypedDict):
    """What is known of a record's `Identity` before its run: the fields that the overrides decide."""

    dataset: str
    model: str
    method: str
    schedule: str | None
    train: str
    seed: int
    variant: str


@dataclass(frozen=True)
class PlannedRun:
    """A run that is wanted. Two are equal if they are the same run, whatever row asks for them.

    Attributes:
        overrides: of `medloc.run`, in one order, defaults left out.
        identity: as its record will say.
    """

    overrides: tuple[str, ...]
    identity: PartialIdentity = field(compare=False)

    @property
    def command(self) -> str:
        """The command that makes this run."""
        return f"python -m medloc.run {shlex.join(self.overrides)}"

    def __str__(self) -> str:
        """Return the run in words: "ham10000 medloc piecewise tiny_s criteria=no_reward seed 42"."""
        words = (self.identity["method"], self.identity["schedule"], self.identity["model"], self.identity["variant"])
        return f"{self.identity['dataset']} {' '.join(filter(None, words))} seed {self.identity['seed']}"


def planned_run(overrides: Iterable[str]) -> PlannedRun:
    """Return the run that these overrides make; of two for one key the later holds.

    Overrides of the curriculum's groups are left out where the method has no schedule, as `medloc.run` refuses them.
    """
    settings = settings_of(overrides)
    options = chosen_options({group: settings[group] for group in IDENTITY_GROUPS if group in settings})
    scheduled = uses_schedule(options["method"], settings)
    if not scheduled:
        settings = {k: v for k, v in settings.items() if k.partition(".")[0] not in CURRICULUM_GROUPS}
    variant = _variant(settings, options)
    identity: PartialIdentity = {
        "dataset": options["dataset"],
        "model": options["model"],
        "method": options["method"],
        "schedule": options["schedule"] if scheduled else None,
        "train": options["train"],
        "seed": int(settings.get("seed", default_value("seed", options))),
        "variant": " ".join(variant),
    }
    named = [f"{group}={identity[group]}" for group in IDENTITY_GROUPS if group != "train" and identity[group]]  # type: ignore[literal-required]
    named += [f"train={identity['train']}"] if "train" in settings else []
    kept = [f"{key}={word(settings[key])}" for key in NOT_A_VARIANT if key in settings and key != "seed"]
    return PlannedRun((*named, *variant, *kept, f"seed={identity['seed']}"), identity)


def uses_schedule(method: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether a method reads the curriculum's groups; one without a file does if a schedule is given."""
    try:
        return bool(default_value("method.uses_schedule", {"method": method}))
    except KeyError:
        return "schedule" in settings


def _variant(settings: Mapping[str, Any], options: Mapping[str, str]) -> list[str]:
    """Write the settings that differ from the plain run's, without those that the identity names."""
    differing = []
    for key, value in settings.items():
        if key in IDENTITY_GROUPS or key in NOT_A_VARIANT:
            continue
        if key in options:
            same = options[key] == value
        else:
            try:
                same = word(default_value(key, options)) == word(value)
            except KeyError:
                same = False
        if not same:
            differing.append(f"{key}={word(value)}")
    return sorted(differing)
