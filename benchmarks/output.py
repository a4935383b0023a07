"""How a benchmark speaks: a small table on the terminal, and JSON under results/benchmarks."""

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from tabulate import tabulate

from medloc.spec.machine import CHECKOUT


def show(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table; None is "-"."""
    print(tabulate(rows, headers=head, floatfmt=".4f", missingval="-"), flush=True)


def write(name: str, found: dict[str, Any]) -> None:
    """Writes what was found, with the machine and the time, to results/benchmarks/NAME.json."""
    machine = {"processor": platform.processor() or platform.machine(), "torch": version("torch")}
    path = CHECKOUT / "results" / "benchmarks" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, **found}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path}")
