"""One of several processes that train together; started by `medloc.training.distributed.launch`, never by hand.

It reads the resolved configuration, does its part of the run, and leaves what the starting process needs: the outcome
(the first process of a machine), or the one line that says what ended it.
"""

import json
import os
import sys
import traceback
import warnings
from datetime import timedelta
from pathlib import Path

from accelerate import PartialState

from medloc.spec.compose import read_job
from medloc.training.distributed.ranks import rank
from medloc.training.runner.runner import run_job

JOB, OUTCOME, FAILED = "job.json", "outcome.json", 2
USER_ERRORS = (ValueError, OSError)


def main(folder: Path) -> int:
    """Does the job under `folder`; returns 0, or 2 after writing `error-RANK.txt`."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=UserWarning, module="torch.distributed")
    job = read_job(folder / JOB)
    try:
        timeout = timedelta(seconds=job.settings.launch.timeout_s)  # type: ignore[attr-defined]
        PartialState(cpu=job.settings.device == "cpu", timeout=timeout)
        outcome = run_job(job, say=lambda line: print(line, flush=True), wait=True)
    except Exception as error:
        kind = "" if isinstance(error, USER_ERRORS) else f"{type(error).__name__}: "
        if not isinstance(error, USER_ERRORS) and not any(folder.glob("error-*.txt")):  # not what another's end caused
            traceback.print_exc()
        (folder / f"error-{rank()}.txt").write_text(" ".join(f"{kind}{error}".split()), encoding="utf-8")
        sys.stdout.flush()
        os._exit(FAILED)  # at once: the others wait in a collective, and are ended when this one is seen to be gone
    if os.environ.get("LOCAL_RANK", "0") == "0":
        said = {
            "folder": str(outcome.folder),
            "fresh": outcome.fresh,
            "images": {name: str(path) for name, path in outcome.images.items()},
            "notes": outcome.notes,
        }
        (folder / OUTCOME).write_text(json.dumps(said), encoding="utf-8")
    PartialState().destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
