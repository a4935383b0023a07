"""A curriculum from overrides alone: what `conf/` says, changed where the words say otherwise."""

from collections.abc import Sequence

from medloc.curriculum import Curriculum, curriculum_from


def composed(overrides: Sequence[str]) -> Curriculum:
    """Build the curriculum that `conf/replay.yaml` and the overrides describe.

    Raises:
        ValueError: an override is malformed or unknown, or its value breaks a rule.
    """
    from hydra import compose, initialize_config_dir  # here, so that a command's --help need not wait for it
    from omegaconf import OmegaConf

    from medloc.spec import CONF, register
    from medloc.spec.plainly import CONFIG_ERRORS, plainly

    register()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3", job_name="replay"):
            config = compose("replay", overrides=list(overrides))
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except CONFIG_ERRORS as mistake:
        raise ValueError(plainly(mistake, "replay")) from None
    assert isinstance(values, dict)
    return curriculum_from({str(key): value for key, value in values.items()})
