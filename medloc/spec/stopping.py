"""What ctrl-C leaves behind, said in one line."""

import sys

STOPPED = 130
"""Exit status of a command that was interrupted, as shells have it."""


def stopped(command: str, then: str = "nothing was changed; the same command begins again.") -> int:
    """Print how to go on after an interruption, and return the exit status.

    Args:
        command: the entry point, such as "run".
        then: what there is now and what to do.
    """
    print(f"\nmedloc.{command}: stopped; {then}", file=sys.stderr)
    return STOPPED
