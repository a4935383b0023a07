"""`python -m medloc.run`: train, evaluate, leave a record. `--help` teaches; `-m` sweeps."""

import os
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from medloc.settings import CONF, register
from medloc.settings.job import job_from
from medloc.settings.plainly import CONFIG_ERRORS, plainly

FAILED = 2
FAILURES = "MEDLOC_FAILURES"  # where runs note what failed: a launcher may run them in processes of their own
register()


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def _one(config: DictConfig) -> None:
    hydra_config = HydraConfig.get()
    overrides = list(hydra_config.overrides.task)
    try:
        choices = {str(k): str(v) for k, v in hydra_config.runtime.choices.items()}
        job = job_from(config, choices, overrides)
        from medloc.report.closing import close_run
        from medloc.report.summary import closing_table
        from medloc.training.workers import do_job  # torch is imported here, and not for --help

        outcome = do_job(job, lambda line: print(line, flush=True))
        for note in outcome.notes:
            print(note)
        if outcome.fresh:
            print(close_run(outcome.folder, outcome.record, outcome.images))
        else:
            print(f"nothing to do: this run is complete, {outcome.folder}\n")
            print(closing_table(outcome.record))
    except (ValueError, OSError, *CONFIG_ERRORS) as error:
        _report(error)


def _report(error: Exception) -> None:
    """Prints a user's mistake as one line; the sweep's other runs go on."""
    said = plainly(error, "run") if isinstance(error, CONFIG_ERRORS) else str(error)
    line = " ".join(said.split())
    print(f"medloc.run: {line}", file=sys.stderr, flush=True)
    try:
        with Path(os.environ[FAILURES]).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError:  # on another machine: its launcher has to see the job fail
        raise error from None


def main() -> int:
    """Runs the command line; returns 0 if every run is complete, 2 if one failed."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors to us
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with TemporaryDirectory(prefix="medloc-") as folder:
        failures = Path(folder) / "failures"
        os.environ[FAILURES] = str(failures)
        try:
            _one()
        except CONFIG_ERRORS as error:
            _report(error)
        except KeyboardInterrupt:
            print("medloc.run: stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
            return 130
        return FAILED if failures.exists() else 0


if __name__ == "__main__":
    # By its name, so that a launcher's processes can import what they are handed.
    sys.exit(import_module("medloc.run").main())
