"""One of several processes that train together; `medloc.training.distributed.launch` starts it, never a user.

It reads the resolved configuration and does its part of the run. Rank 0 of a machine leaves the outcome in a file;
torch elastic's `record` leaves the error of a worker that fails, whatever the error and however early.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import record

JOB, OUTCOME, FAILED = "job.json", "outcome.json", 2


@record
def main(folder: Path) -> None:
    """Do the job under `folder`.

    Raises:
        ValueError: A user's mistake, as exactly this class.
        OSError: Likewise for files.
        Exception: Anything else.
    """
    import warnings  # imports are recorded too: one may fail

    from accelerate import PartialState

    from medloc.spec.compose import read_job
    from medloc.training.runner.runner import run_job

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=UserWarning, module="torch.distributed")
    try:
        job = read_job(folder / JOB)
        timeout = timedelta(seconds=job.settings.launch.timeout_s)
        PartialState(cpu=job.settings.device == "cpu", timeout=timeout)
        outcome = run_job(job, say=lambda line: print(line, flush=True), wait=True)
    except OSError as error:
        raise OSError(str(error)) from error
    except ValueError as error:
        raise ValueError(str(error)) from error
    if os.environ.get("LOCAL_RANK", "0") == "0":
        said = {
            "folder": str(outcome.folder),
            "fresh": outcome.fresh,
            "images": {name: str(path) for name, path in outcome.images.items()},
            "notes": outcome.notes,
        }
        (folder / OUTCOME).write_text(json.dumps(said), encoding="utf-8")
    PartialState().destroy_process_group()


def run_and_exit(folder: Path) -> None:
    """Do the job; after an error leave at once: the others wait in a collective, and torchrun ends them then."""
    try:
        main(folder)
    except Exception:  # it is recorded
        sys.stdout.flush()
        os._exit(FAILED)


if __name__ == "__main__":
    run_and_exit(Path(sys.argv[1]))
