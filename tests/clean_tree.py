"""What is recorded as golden must be reproducible from a commit."""

from medloc.runs import provenance


def require_clean_tree():
    """Returns the commit that is recorded from.

    Raises:
        SystemExit: there are changes that no commit has, or this is no checkout.
    """
    found = provenance()
    if found["commit"] is None or found["dirty"]:
        raise SystemExit("the working tree has changes (or is no git checkout); commit them, then record.")
    return found["commit"]
