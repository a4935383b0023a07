"""Which code, which versions and which machine made a result."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds the package: the root of the checkout where `medloc` is installed editable."""

PACKAGES = (
    *("medloc", "torch", "transformers", "trl", "accelerate", "datasets"),
    *("hydra-core", "omegaconf", "numpy", "pillow", "scipy"),
)


def provenance(threads: int | None = None, checkout: Path = CHECKOUT) -> dict[str, Any]:
    """Describe the code and the machine, without importing any of the packages it names.

    Args:
        threads: Threads the run computes with; they can move the last bits of a sum. None: not known.
        checkout: The folder whose commit is wanted.

    Returns:
        `commit` and `dirty` (None where the package does not lie in a checkout of its own; `dirty` counts new
        files that git does not ignore), `python`, `platform`, `cpus`, `threads`, and `packages` (name to
        version, None where not installed).
    """
    commit, dirty = _commit(checkout)
    return {
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "threads": threads,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _commit(checkout: Path) -> tuple[str | None, bool | None]:
    """Return the commit and the dirty flag, or two Nones outside a checkout."""
    top = _git(checkout, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != checkout.resolve():
        return None, None  # installed inside somebody else's repository: its commit says nothing about this code
    commit = _git(checkout, "rev-parse", "--verify", "HEAD")
    changes = _git(checkout, "status", "--porcelain")
    return commit, None if changes is None else changes != ""


def _git(checkout: Path, *arguments: str) -> str | None:
    """Ask git about `checkout`; None where git, the repository or the answer is missing."""
    # Inside a hook git sets GIT_DIR and its kin, which would send the question to another repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(checkout), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, env=clean, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
