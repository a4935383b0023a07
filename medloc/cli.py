"""`medloc <name>`: every command, and the one way in which all of them end.

`python -m medloc.<name>` is the same command. A user's mistake is one line on standard error and status 2; ctrl-C is
status 130, SIGTERM 143.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module

from medloc.training.runner.machine import EXIT_STATUS, Stopped

COMMANDS = {
    "run": "train, evaluate, leave a record; -m sweeps",
    "reproduce": "the runs behind the paper's tables and figures: what is missing, and making it",
    "report": "tables from the records",
    "publish": "the committed form of finished runs: records from which every table and figure can be made",
    "dashboard": "a W&B workspace with the paper's figures as panels, and the report beside it",
    "replay": "feed a run's IoUs to another curriculum, without training",
    "score": "score a samples.jsonl again, without a GPU",
    "data": "images and boxes of any form become one manifest: prepare, check, show, export",
    "probe": "before training: how many groups are dead at which threshold",
    "predict": "ask a trained checkpoint about images: boxes as JSON, and drawn",
    "pretrain": "make a tiny base from general shapes",
}
MISTAKE, INTERRUPTED = 2, 130

Main = Callable[[list[str]], int]
Entry = Callable[..., int]


def main() -> int:
    """Run `medloc <name> ARGUMENTS`, and return its exit status; without a name, list the commands."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"medloc: {name} is no command; choose one of {', '.join(COMMANDS)}.", file=sys.stderr)
        return MISTAKE
    module = import_module(f"medloc.{name}.__main__" if name in ("data", "report") else f"medloc.{name}")
    sys.argv = [f"medloc {name}", *rest]  # Hydra reads its arguments from here
    status: int = module.main(rest)
    return status


def listing() -> str:
    """Return one line a command."""
    head = "medloc: performance-aware reward curricula for medical visual grounding (arXiv:2603.28120)\n"
    lines = [f"  medloc {name:<10} {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join([head, *lines, "\n`python -m medloc.<name>` is the same. Each explains itself with --help."])


def entry(name: str, stopped: str = "nothing was changed; the same command begins again.") -> Callable[[Main], Entry]:
    """Make a function the main function of a command: whatever ends it becomes an exit status and at most one line.

    The function takes the arguments and returns the exit status. For a user's mistake it raises ValueError, OSError or
    the errors of Hydra and OmegaConf. The result takes the arguments, or those of the command line for None.

    Args:
        name: of the command, such as "run".
        stopped: what ctrl-C leaves behind.
    """

    def decorated(main: Main) -> Entry:
        @wraps(main)
        def guarded(arguments: Sequence[str] | None = None) -> int:
            try:
                status = main(list(sys.argv[1:] if arguments is None else arguments))
                sys.stdout.flush()
                return status
            except BrokenPipeError:  # the reader of the output, such as `head`, has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 0
            except KeyboardInterrupt as stop:
                print(f"\nmedloc.{name}: stopped; {stopped}", file=sys.stderr)
                return EXIT_STATUS if isinstance(stop, Stopped) else INTERRUPTED
            except Exception as error:
                line = mistake(error, name)
                if line is None:
                    raise
                print(f"medloc.{name}: {line}", file=sys.stderr, flush=True)
                return MISTAKE

        return guarded

    return decorated


def mistake(error: Exception, name: str) -> str | None:
    """Return a user's mistake in one line; None for any other error."""
    if type(error).__module__.partition(".")[0] in ("hydra", "omegaconf"):
        from medloc.spec.compose import composition_error  # imports Hydra

        return " ".join(composition_error(error, name).split())
    return " ".join(str(error).split()) if isinstance(error, ValueError | OSError) else None
