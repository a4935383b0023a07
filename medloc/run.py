"""`python -m medloc.run`: train, evaluate, leave a record. `--help` teaches; `-m` sweeps."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from medloc.cli import MISTAKE, entry, mistake
from medloc.experiments.estimate import Sweep, sweep_runs
from medloc.spec.machine import CONF

if TYPE_CHECKING:
    from medloc.spec.compose import Job


@dataclass
class Session:
    """One command line, and what came of its runs.

    A launcher may hand a copy to processes of its own. They write their failures into `folder`.

    Attributes:
        folder: temporary; one file for each process in which a run failed.
        process: the process of the command.
        claimed: runs that another process was making when their turn came.
        sweep: tells how far a sweep is; None where there is one run.
    """

    folder: Path
    process: int = field(default_factory=os.getpid)
    claimed: "list[Job]" = field(default_factory=list)
    sweep: Sweep | None = None

    @property
    def is_launcher(self) -> bool:
        """Whether this is the process of the command and not one of a launcher's."""
        return os.getpid() == self.process

    def failed(self, error: Exception) -> None:
        """Print a user's mistake as one line and remember it; the sweep's other runs go on.

        Raises:
            Exception: `error`, if it is no user's mistake, or if the process of the command cannot see it.
        """
        line = mistake(error, "run")
        if line is None:
            raise error
        print(f"medloc.run: {line}", file=sys.stderr, flush=True)
        try:
            with (self.folder / str(os.getpid())).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:  # on another machine, whose launcher has to see the job fail
            raise error from None


@entry("run", "the same command skips what is complete and goes on from the last checkpoint.")
def main(arguments: list[str]) -> int:
    """Run the command line; return 0 if every run is complete, 2 if one failed."""
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then hands its errors to us
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from medloc.training.runner.machine import end_when_asked

    end_when_asked()
    with TemporaryDirectory(prefix="medloc-") as folder:
        runs = sweep_runs(arguments)
        session = Session(Path(folder), sweep=Sweep(len(runs)) if runs else None)
        try:
            _check_results(arguments)
            _hydra_task(session)()
            for job in session.claimed:
                _attempt(session, partial(_make, session, job, wait=True))
        except OSError as error:  # Hydra's own folders may not fit on the disk either
            session.failed(error)
        except Exception as error:
            if runs is None or not type(error).__module__.startswith("submitit."):
                raise
            _name_fates(session, runs, error)
        return MISTAKE if any(session.folder.iterdir()) else 0


def _name_fates(session: Session, runs: list[list[str]], error: Exception) -> None:
    """Say which job of a cluster ended without a result, and how far every run of the sweep is."""
    from medloc.experiments.plan import fates

    print("\n".join(fates(runs)), flush=True)
    said = str(error).strip().splitlines()[0]
    session.failed(ValueError(f"{said} The same command skips what is complete and goes on with the others."))


def help_text() -> str:
    """Return the help of `conf/config.yaml`. Hydra would list every group first, which takes it a second."""
    import yaml

    text: str = yaml.load((CONF / "config.yaml").read_text(encoding="utf-8"), Loader=yaml.SafeLoader)["hydra"]["help"][
        "template"
    ]
    return text


def _hydra_task(session: Session) -> Callable[[], None]:
    """Return the function that composes the command line by Hydra and makes its runs."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import DictConfig

    from medloc.spec.compose import job_from, register

    register()

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
    def run(config: DictConfig) -> None:
        hydra_config = HydraConfig.get()
        overrides = list(hydra_config.overrides.task)
        if session.sweep is not None:
            line = session.sweep.begin(" ".join(overrides))
            if line and sys.stderr.isatty():
                print(line, file=sys.stderr)
        choices = {str(group): str(option) for group, option in hydra_config.runtime.choices.items()}
        _attempt(session, lambda: _make(session, job_from(config, choices, overrides), wait=not session.is_launcher))

    return run


def _attempt(session: Session, make: Callable[[], None]) -> None:
    try:
        make()
    except Exception as error:
        session.failed(error)


def _make(session: Session, job: "Job", wait: bool) -> None:
    from medloc.report.closing import close_run, closing_table, is_closed
    from medloc.runs.claim import ClaimedError
    from medloc.training.distributed.launch import do_job  # torch is imported here, and not for --help

    try:
        outcome = do_job(job, say=lambda line: print(line, flush=True), wait=wait, close=close_run)
    except ClaimedError as error:
        session.claimed.append(job)
        print(f"{error}; it is looked at again when the others are done.")
        return
    if session.sweep is not None:
        session.sweep.end(outcome.fresh)
    for note in outcome.notes:
        print(note)
    if outcome.closing:
        print(outcome.closing)
    elif outcome.fresh or not is_closed(outcome.folder):  # made by other processes, or killed before its pictures
        print(close_run(outcome.folder, outcome.record, outcome.images))
    else:
        print(f"nothing to do: this run is complete, {outcome.folder}\n")
        print(closing_table(outcome.record))


def _check_results(arguments: list[str]) -> None:
    """Refuse a results folder that cannot be, before Hydra tries to make its own below it.

    Raises:
        OSError: one line that names it.
    """
    from medloc.training.runner.machine import check_writable

    for word in arguments:
        key, _, value = word.partition("=")
        if key == "results" and "," not in value:
            check_writable(key, Path(value).expanduser().resolve())


if __name__ == "__main__":
    # By its name, so that a launcher's processes can import what they are handed.
    from medloc.run import main as named

    sys.exit(named())
