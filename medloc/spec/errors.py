"""Hydra's and OmegaConf's errors in one line, in plain words."""

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException)
"""What composing or converting a configuration raises for a user's mistake."""


def composition_error(mistake: Exception, command: str) -> str:
    """Say what was wrong: the first line of the message, and of the reason beneath it.

    Args:
        mistake: one of `COMPOSITION_ERRORS`.
        command: the entry point whose `--help` lists the settings, such as "run".
    """
    options = getattr(mistake, "options", None)
    if options:
        group, _, chosen = str(getattr(mistake, "missing_cfg_file", "")).rpartition("/")
        known = ", ".join(option for option in options if not option.startswith("_"))
        return f"{group}={chosen} is not known; choose one of {known}."
    said = [str(each).strip().partition("\n")[0].rstrip(".") for each in (mistake, mistake.__cause__) if each]
    return f"{': '.join(said)}; `python -m medloc.{command} --help` lists the settings."
