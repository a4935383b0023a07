"""`python -m medloc.run`: train, evaluate, leave a record. `--help` teaches; `-m` sweeps."""

import os
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from medloc.experiments.sweep import Sweep, sweep_size
from medloc.spec.compose import Job, job_from, register
from medloc.spec.errors import COMPOSITION_ERRORS, composition_error
from medloc.spec.machine import CONF, cores
from medloc.spec.stopping import stopped
from medloc.training.runner.disk_space import require_writable
from medloc.training.runner.signals import EXIT_STATUS, Stopped, end_when_asked

FAILED = 2
FAILURES = "MEDLOC_FAILURES"  # where runs note what failed: a launcher may run them in processes of their own
register()
_failures: list[str] = []
_others: list[Job] = []  # runs that another process was making when their turn came
_looks_again = False  # at the end, in the process of the command; a launcher's worker waits at once
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
        if hydra_config.mode == RunMode.MULTIRUN:
            _share_cores(job, hydra_config.launcher.get("n_jobs", 1))
        _make(job, wait=not _looks_again)
    except (ValueError, OSError, *COMPOSITION_ERRORS) as error:
        _report(error)


def _share_cores(job: Job, runs: int) -> None:
    """Gives a run its share of the machine's threads, where `threads` leaves them open and others go on beside it."""
    if job.settings.threads is None and runs != 1:
        job.settings.threads = 1 if runs < 0 else max(1, cores() // runs)


def _make(job: Job, wait: bool) -> None:
    from medloc.report.closing import close_run, is_closed
    from medloc.report.summary import closing_table
    from medloc.training.distributed.launch import do_job  # torch is imported here, and not for --help
    from medloc.training.runner.claim import ClaimedError

    try:
        outcome = do_job(job, say=lambda line: print(line, flush=True), wait=wait, close=close_run)
    except ClaimedError as error:
        _others.append(job)
        print(f"{error}; it is looked at again when the others are done.")
        return
    for sweep in _sweep:
        sweep.end(outcome.fresh)
    for note in outcome.notes:
        print(note)
    if outcome.closing:
        print(outcome.closing)
    elif outcome.fresh or not is_closed(outcome.folder):  # made by other processes, or killed before its pictures
        print(close_run(outcome.folder, outcome.record, outcome.images))
    else:
        print(f"nothing to do: this run is complete, {outcome.folder}\n")
        print(closing_table(outcome.record))


def _wait_for_others() -> None:
    """Waits for what other processes were making, and makes what they did not finish."""
    while _others:
        try:
            _make(_others.pop(0), wait=True)
        except (ValueError, OSError) as error:
            _report(error)


def _report(error: Exception) -> None:
    """Prints a user's mistake as one line; the sweep's other runs go on."""
    said = composition_error(error, "run") if isinstance(error, COMPOSITION_ERRORS) else str(error)
    line = " ".join(said.split())
    print(f"medloc.run: {line}", file=sys.stderr, flush=True)
    _failures.append(line)
    if _looks_again:  # the process of the command itself
        return
    try:
        with Path(os.environ[FAILURES]).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError:  # on another machine: its launcher has to see the job fail
        raise error from None


def _check_results(arguments: list[str]) -> None:
    """Refuses a results folder that cannot be, before Hydra tries to make its own below it.

    Raises:
        OSError: one line that names it.
    """
    for word in arguments:
        key, _, value = word.partition("=")
        if key == "results" and "," not in value:
            require_writable(key, Path(value).expanduser().resolve())


def main() -> int:
    """Runs the command line; returns 0 if every run is complete, 2 if one failed."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors to us
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    global _looks_again
    _looks_again = True
    _failures.clear()
    _others.clear()
    total = sweep_size(sys.argv[1:])
    _sweep[:] = [Sweep(total)] if total else []
    end_when_asked()
    with TemporaryDirectory(prefix="medloc-") as folder:
        elsewhere = Path(folder) / "failures"
        os.environ[FAILURES] = str(elsewhere)
        try:
            _check_results(sys.argv[1:])
            _one()
            _wait_for_others()
        except BrokenPipeError:  # whoever read what is printed has gone
            return FAILED
        except (OSError, *COMPOSITION_ERRORS) as error:  # Hydra's own folders may not fit on the disk either
            _report(error)
        except KeyboardInterrupt as stop:
            status = stopped("run", "the same command skips what is complete and goes on from the last checkpoint.")
            return EXIT_STATUS if isinstance(stop, Stopped) else status
        return FAILED if _failures or elsewhere.exists() else 0


if __name__ == "__main__":
    # By its name, so that a launcher's processes can import what they are handed.
    sys.exit(import_module("medloc.run").main())
