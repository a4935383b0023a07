"""The paper's own numbers, read from `paper_numbers.yaml`."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

NUMBERS = Path(__file__).with_name("paper_numbers.yaml")

METRICS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP"}
"""Metric in a record -> its name in the paper's tables, in their order."""


class PaperCell(NamedTuple):
    """A number as printed, in percent; `sd` is None where none is printed."""

    mean: float
    sd: float | None

    def __str__(self) -> str:
        """Return the cell as a table shows it."""
        return f"{self.mean:.2f}" if self.sd is None else f"{self.mean:.2f} ± {self.sd:.2f}"


@cache
def table1() -> dict[str, dict[str, dict[str, PaperCell]]]:
    """Return Table 1 as row name -> data set -> metric -> cell, rows in the paper's order."""
    rows = yaml.safe_load(NUMBERS.read_text(encoding="utf-8"))["table1"]["rows"]
    return {name: {dataset: _cells(line) for dataset, line in row.items()} for name, row in rows.items()}


def _cells(line: list[list[float]]) -> dict[str, PaperCell]:
    return {metric: PaperCell(*cell, *[None] * (2 - len(cell))) for metric, cell in zip(METRICS, line, strict=True)}
