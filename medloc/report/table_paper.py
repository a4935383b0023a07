"""The paper's tables by row, data set and metric, read from `paper_numbers.yaml`."""

from functools import cache
from typing import Any, NamedTuple

import yaml

from medloc.report.paper import NUMBERS, PaperCell


class PaperDelta(NamedTuple):
    """A difference as printed, in percentage points, with its stars."""

    mean: float
    stars: str

    def __str__(self) -> str:
        """Return the cell as a table shows it."""
        return f"{self.mean:+.2f}{self.stars}"


Rows = dict[str, dict[str, dict[str, PaperCell]]]


def paper_rows(table: str) -> Rows:
    """Return row -> data set -> metric -> cell; {} for a table that the paper does not have."""
    found = _numbers().get(table, {})
    return {name: _by_metric(row, found["columns"], _cell) for name, row in found.get("rows", {}).items()}


def paper_differences(table: str) -> dict[str, dict[str, dict[str, PaperDelta]]]:
    """Return name of the Δ row -> data set -> metric -> difference; {} where the paper prints none."""
    found = _numbers().get(table, {})
    deltas = found.get("differences", {})
    return {name: _by_metric(row, found["columns"], lambda c: PaperDelta(*c)) for name, row in deltas.items()}


def paper_settings(table: str) -> dict[str, dict[str, Any]]:
    """Return row -> what the table prints of its settings."""
    settings: dict[str, dict[str, Any]] = _numbers().get(table, {}).get("settings", {})
    return settings


def paper_counts() -> dict[str, dict[str, tuple[int, int]]]:
    """Return Table 5 as data set -> class -> training and test images, "Total" as printed among the classes."""
    rows = _numbers()["table5"]["rows"]
    return {dataset: {name: (c[0], c[1]) for name, c in classes.items()} for dataset, classes in rows.items()}


@cache
def _numbers() -> dict[str, Any]:
    with NUMBERS.open(encoding="utf-8") as file:
        content: dict[str, Any] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return content


def _by_metric(row: dict[str, Any], columns: list[str], cell: Any) -> dict[str, dict[str, Any]]:
    return {dataset: dict(zip(columns, map(cell, line), strict=True)) for dataset, line in row.items()}


def _cell(printed: list[float]) -> PaperCell:
    return PaperCell(printed[0], printed[1] if len(printed) > 1 else None)
