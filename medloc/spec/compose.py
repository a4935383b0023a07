"""Hydra composes `conf/` once; what comes out is the only definition of a run."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from medloc.curriculum import Curriculum, curriculum_from
from medloc.spec.fields import flatten, identity
from medloc.spec.machine import CHECKOUT, CONF, runs_at_once
from medloc.spec.overrides import override_texts
from medloc.spec.pretrain import PretrainSettings
from medloc.spec.run import CURRICULUM, RunSpec, check_run, refuse_unused

NAMED_GROUPS = ("dataset", "model", "method", "schedule", "train")
"""Groups whose option is a word of its own in a record's identity."""

NAMED_FIELDS = ("seed", "train.max_steps", "dataset.evaluate_on")
"""Fields that are likewise: seed, steps, evaluated_on. A variant does not repeat them."""

CONDITIONS = ("launch", "deterministic")
"""How a run is made, not what it is: part of its key, because sampling depends on it, and no variant of its own."""

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException)
"""What composing or converting a configuration raises for a user's mistake."""


@dataclass(frozen=True)
class Job:
    """One composed run.

    Attributes:
        settings: the specification, typed and checked.
        config: the same as plain mappings, lists and scalars.
        choices: the option of every config group that the run reads, such as {"method": "medloc", ...}.
        changed: dotted key -> value of the fields that affect results and differ from what the choices alone give.
    """

    settings: RunSpec
    config: dict[str, Any]
    choices: dict[str, str]
    changed: dict[str, Any]

    @property
    def variant(self) -> str:
        """What differs from the plain run of the same data set, model, method, schedule and preset ("" = nothing)."""
        return " ".join(override_texts(variant_values(self.choices | self.changed)))

    @property
    def used(self) -> dict[str, Any]:
        """The configuration without the curriculum's groups where the method has no curriculum to read them."""
        return used_config(self.config)


def variant_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from the plain run, in alphabetical order.

    Args:
        values: option of a group, or value of a field that is not its default, by key.
    """
    plain, elsewhere = default_choices(), (*NAMED_GROUPS, *NAMED_FIELDS)
    differing = {key: value for key, value in values.items() if key not in elsewhere and value != plain.get(key)}
    ordered = sorted(differing, key=lambda key: f"{key}=")
    return {key: differing[key] for key in ordered if key.partition(".")[0] not in CONDITIONS}


def used_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the groups that its method does not read."""
    unused = () if config["method"]["uses_schedule"] else CURRICULUM
    return {key: value for key, value in config.items() if key not in unused}


def run_identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a resolved configuration by which its run differs from others: dotted key -> value."""
    return identity(RunSpec, used_config(config))


def reported_otherwise(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the reporting fields in which a finished run differs from what is asked: key -> (recorded, asked)."""
    before, now = (flatten(RunSpec, config, "reporting") for config in (recorded, asked))
    return {key: (before[key], now[key]) for key in before if key in now and before[key] != now[key]}


def composition_error(mistake: Exception, command: str) -> str:
    """Say what was wrong: the first line of the message, and of the reason beneath it.

    Args:
        mistake: one of `COMPOSITION_ERRORS`.
        command: the entry point whose `--help` lists the settings, such as "run".
    """
    options = getattr(mistake, "options", None)
    if options:
        group, _, chosen = str(getattr(mistake, "missing_cfg_file", "")).rpartition("/")
        return _unknown_option(group, chosen, options)
    said = [str(each).strip().partition("\n")[0].rstrip(".") for each in (mistake, mistake.__cause__) if each]
    return f"{': '.join(said)}; `python -m medloc.{command} --help` lists the settings."


def _unknown_option(group: str, option: str, options: Iterable[str]) -> str:
    """Say which options a group has; a file whose name begins with "_" is a part of others."""
    known = ", ".join(sorted(each for each in options if not each.startswith("_")))
    return f"{group}={option} is not known; choose one of {known}."


def compose_job(overrides: Sequence[str]) -> Job:
    """Compose a run without the command line: the same as `python -m medloc.run` with these overrides.

    Raises:
        ValueError: a value breaks a rule; the message names its key.
        HydraException: an override is malformed or unknown.
    """
    config, choices = _compose("config", overrides)
    return job_from(config, choices, overrides)


def job_from(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> Job:
    """Build a run from what Hydra composed.

    Args:
        config: the composed configuration.
        choices: the option chosen in each group, Hydra's own groups among them.
        overrides: the command line's overrides.

    Raises:
        ValueError: a value breaks a rule; the message names its key.
    """
    for group, option in choices.items():
        if option.startswith("_"):
            raise ValueError(_unknown_option(group, option, (path.stem for path in (CONF / group).glob("*.yaml"))))
    settings, plain = _typed(config)
    refuse_unused(settings, list(overrides))
    check_run(settings, plain)
    read = {group: option for group, option in choices.items() if group in used_config(plain) and group != "tracking"}
    only_options = all(override.partition("=")[0] in choices for override in overrides)
    return Job(settings, plain, read, {} if only_options else _changed(plain, read))


def compose_curriculum(overrides: Sequence[str]) -> Curriculum:
    """Build the curriculum that `conf/replay.yaml` and the overrides describe.

    Raises:
        ValueError: an override is malformed or unknown, or its value breaks a rule.
    """
    try:
        config, _ = _compose("replay", overrides)
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except COMPOSITION_ERRORS as mistake:
        raise ValueError(composition_error(mistake, "replay")) from None
    assert isinstance(values, dict)
    return curriculum_from({str(key): value for key, value in values.items()})


def default_choices() -> dict[str, str]:
    """Return the option that `conf/config.yaml` chooses in every group."""
    return _default()[1]


@cache
def option_values(group: str, option: str) -> Mapping[str, Any]:
    """Return what an option of a group says, values that other groups decide unresolved.

    Raises:
        KeyError: there is no such option, or it cannot be composed alone.
    """
    if default_choices().get(group) == option:
        return OmegaConf.to_container(_default()[0][group])  # type: ignore[return-value]
    try:
        config = _compose(f"{group}/{option}", ())[0]
    except COMPOSITION_ERRORS:
        raise KeyError(f"{group}={option}") from None
    return OmegaConf.to_container(config[group])  # type: ignore[return-value]


def has_option(group: str, option: str) -> bool:
    """Tell whether `conf/` has this option of a group."""
    return not option.startswith("_") and (CONF / group / f"{option}.yaml").is_file()


def register() -> None:
    """Register the schemas, and the resolvers `checkout` and `runs_at_once`, with Hydra; safe to repeat."""
    from hydra.core.config_store import ConfigStore

    OmegaConf.register_new_resolver("checkout", lambda: str(CHECKOUT), replace=True)
    OmegaConf.register_new_resolver("runs_at_once", runs_at_once, replace=True)
    store = ConfigStore.instance()
    store.store(name="run_schema", node=RunSpec)
    store.store(name="pretrain_schema", node=PretrainSettings)


@cache
def _default() -> tuple[DictConfig, dict[str, str]]:
    return _compose("config", ())


def _compose(name: str, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose a file of `conf/`; return the configuration and the option of every group."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    register()
    inside = GlobalHydra.instance().is_initialized()  # `medloc.run` composes under Hydra's own command line
    with nullcontext() if inside else initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(name, list(overrides), return_hydra_config=True)
    choices = config.hydra.runtime.choices
    chosen = {str(group): str(choices[group]) for group in choices}
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    OmegaConf.set_struct(config, True)
    return config, chosen


def _typed(config: Any) -> tuple[RunSpec, dict[str, Any]]:
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, RunSpec)
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return settings, {str(key): value for key, value in plain.items()}


def _changed(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that affect results and differ from what the options alone give."""
    plain = flatten(RunSpec, used_config(_chosen(tuple(choices.items()))), "results")
    values = flatten(RunSpec, used_config(config), "results")
    return {key: value for key, value in values.items() if key not in plain or plain[key] != value}


@cache
def _chosen(choices: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Compose the options alone."""
    return _typed(_compose("config", [f"{group}={option}" for group, option in choices])[0])[1]
