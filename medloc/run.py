"""`python -m medloc.run`: train, evaluate, leave a record. `--help` teaches; `-m` sweeps."""

import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from medloc.grid.sweep import Sweep, sweep_size
from medloc.settings import CONF, register
from medloc.settings.job import job_from
from medloc.settings.plainly import CONFIG_ERRORS, plainly
from medloc.settings.stopping import stopped

FAILED = 2
register()
_failures: list[str] = []
_sweep: list[Sweep] = []  # one under -m, none otherwise


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def _one(config: DictConfig) -> None:
    hydra_config = HydraConfig.get()
    overrides = list(hydra_config.overrides.task)
    for sweep in _sweep:
        line = sweep.begin(" ".join(overrides))
        if line and sys.stderr.isatty():
            print(line, file=sys.stderr)
    try:
        choices = {str(k): str(v) for k, v in hydra_config.runtime.choices.items()}
        job = job_from(config, choices, overrides)
        from medloc.report.closing import close_run
        from medloc.report.summary import closing_table
        from medloc.training.job import run_job  # torch is imported here, and not for --help

        outcome = run_job(job, close_run)
        for sweep in _sweep:
            sweep.end(outcome.fresh)
        for note in outcome.notes:
            print(note)
        if outcome.fresh:
            print(outcome.closing)
        else:
            print(f"nothing to do: this run is complete, {outcome.folder}\n")
            print(closing_table(outcome.record))
    except (ValueError, OSError, *CONFIG_ERRORS) as error:
        _report(error)


def _report(error: Exception) -> None:
    """Prints a user's mistake as one line; the sweep's other runs go on."""
    said = plainly(error, "run") if isinstance(error, CONFIG_ERRORS) else str(error)
    line = " ".join(said.split())
    _failures.append(line)
    print(f"medloc.run: {line}", file=sys.stderr)


def main() -> int:
    """Runs the command line; returns 0 if every run is complete, 2 if one failed."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors to us
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    _failures.clear()
    total = sweep_size(sys.argv[1:])
    _sweep[:] = [Sweep(total)] if total else []
    try:
        _one()
    except CONFIG_ERRORS as error:
        _report(error)
    except KeyboardInterrupt:
        return stopped("run", "the same command skips what is complete and goes on from the last checkpoint.")
    return FAILED if _failures else 0


if __name__ == "__main__":
    sys.exit(main())
