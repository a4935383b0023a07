"""The paper's own numbers, read from `paper_numbers.yaml`; a number that does not fit its table is an error."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

NUMBERS = Path(__file__).with_name("paper_numbers.yaml")

METRICS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP"}
"""Metric in a record -> its name in the paper's tables, in their order."""

SETS = ("ham10000", "heel", "tn3k")
ACCURACY_TABLES = (1, 2, 3, 4, 6, 7, 8)
STARS = ("", "*", "**", "***")


class PaperCell(NamedTuple):
    """A number as printed, in percent; `sd` is None where none is printed."""

    mean: float
    sd: float | None

    def __str__(self) -> str:
        """Return the cell as a table shows it."""
        return f"{self.mean:.2f}" if self.sd is None else f"{self.mean:.2f} ± {self.sd:.2f}"


class PaperDifference(NamedTuple):
    """A cell of a Δ row: the difference in points, and its stars."""

    points: float
    stars: str

    def __str__(self) -> str:
        """Return the difference as a table shows it."""
        return f"{self.points:+.2f}{self.stars}"


class PaperCount(NamedTuple):
    """Images of one class in Table 5, as printed."""

    train: int
    test: int


Cells = dict[str, dict[str, PaperCell]]


@dataclass(frozen=True)
class PaperTable:
    """A table of accuracies as printed.

    Attributes:
        number: 1 to 8.
        columns: Its metrics, by their names in a record.
        rows: Row as the paper names it -> data set -> metric -> cell, rows in the paper's order.
        settings: Row -> what the table prints about it beside the accuracies (δ, P, S, active criteria, group size).
        differences: Name of a Δ row -> data set -> metric -> difference.
        pairs: Name of a Δ row -> the two rows it subtracts.
        seeds: The seeds it names; () where it names none.
    """

    number: int
    columns: tuple[str, ...]
    rows: dict[str, Cells]
    settings: dict[str, dict[str, Any]]
    differences: dict[str, dict[str, dict[str, PaperDifference]]]
    pairs: dict[str, tuple[str, str]]
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of its experiment: "table1"."""
        return f"table{self.number}"

    def cell(self, row: str, dataset: str, metric: str) -> PaperCell | None:
        """Return one cell; None where the table has none."""
        return self.rows.get(row, {}).get(dataset, {}).get(metric)

    def cells(self) -> Iterator[tuple[str, str, str, PaperCell]]:
        """Yield row, data set, metric and cell, in the order of printing."""
        for row, sets in self.rows.items():
            for dataset, line in sets.items():
                yield from ((row, dataset, metric, cell) for metric, cell in line.items())


@cache
def paper_table(number: int) -> PaperTable:
    """Return one of the paper's tables of accuracies: 1, 2, 3, 4, 6, 7 or 8.

    Raises:
        KeyError: There is no such table of accuracies; Table 5 is read by `class_counts`.
        ValueError: A row, data set or cell of the file does not fit the table; the message names it.
    """
    if number not in ACCURACY_TABLES:
        raise KeyError(f"table {number} holds no accuracies; known: {', '.join(map(str, ACCURACY_TABLES))}.")
    return read_table(number, _numbers()[f"table{number}"])


@cache
def class_counts() -> dict[str, dict[str, PaperCount]]:
    """Return Table 5 as data set -> class -> images; the class "Total" is the printed total."""
    rows = _numbers()["table5"]["rows"]
    return {
        dataset: {name: PaperCount(*counts) for name, counts in classes.items()} for dataset, classes in rows.items()
    }


def paper_text() -> dict[str, Any]:
    """Return the numbers that stand in sentences and captions, as the file's section `text` has them."""
    text: dict[str, Any] = _numbers()["text"]
    return text


def table1() -> dict[str, Cells]:
    """Return Table 1 as row name -> data set -> metric -> cell, rows in the paper's order."""
    return paper_table(1).rows


def read_table(number: int, found: Mapping[str, Any]) -> PaperTable:
    """Check one table of the file and return it.

    Raises:
        ValueError: As in `paper_table`.
    """
    place = f"table{number}"
    columns = tuple(found["columns"])
    if not columns or set(columns) - set(METRICS):
        raise ValueError(f"{place}.columns={list(columns)} must be among {', '.join(METRICS)}.")
    rows = {
        row: {dataset: _cells(f"{place} {row} {dataset}", columns, line) for dataset, line in _sets(place, row, sets)}
        for row, sets in found["rows"].items()
    }
    pairs = {name: tuple(pair) for name, pair in found.get("pairs", {}).items()}
    for name in {*found.get("settings", {}), *(row for pair in pairs.values() for row in pair)} - set(rows):
        raise ValueError(f"{place}: {name!r} is no row of the table.")
    differences = {
        row: {dataset: _differences(f"{place} {row} {dataset}", columns, line) for dataset, line in sets.items()}
        for row, sets in found.get("differences", {}).items()
    }
    if set(differences) != set(pairs):
        raise ValueError(f"{place}.pairs must name the two rows of every row of differences.")
    return PaperTable(
        number, columns, rows, found.get("settings", {}), differences, pairs, tuple(found.get("seeds", ()))
    )


def _sets(place: str, row: str, sets: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if not sets or set(sets) - set(SETS):
        raise ValueError(f"{place} {row}: data sets {list(sets)} must be among {', '.join(SETS)}.")
    return list(sets.items())


def _cells(place: str, columns: tuple[str, ...], line: list[list[float]]) -> dict[str, PaperCell]:
    cells = {}
    for metric, cell in _named(place, columns, line).items():
        if len(cell) not in (1, 2) or not all(isinstance(number, float) and 0 <= number <= 100 for number in cell):
            raise ValueError(f"{place} {metric}={cell} must be [mean] or [mean, sd] in percent, with decimals.")
        cells[metric] = PaperCell(cell[0], cell[1] if len(cell) == 2 else None)
    return cells


def _differences(place: str, columns: tuple[str, ...], line: list[list[Any]]) -> dict[str, PaperDifference]:
    cells = {}
    for metric, cell in _named(place, columns, line).items():
        if len(cell) != 2 or not isinstance(cell[0], float) or cell[1] not in STARS:
            raise ValueError(f"{place} {metric}={cell} must be [difference, stars].")
        cells[metric] = PaperDifference(*cell)
    return cells


def _named(place: str, columns: tuple[str, ...], line: list[list[Any]]) -> dict[str, list[Any]]:
    if len(line) != len(columns):
        raise ValueError(f"{place} has {len(line)} cells; the table has {len(columns)} columns.")
    return dict(zip(columns, line, strict=True))


@cache
def _numbers() -> dict[str, Any]:
    numbers: dict[str, Any] = yaml.safe_load(NUMBERS.read_text(encoding="utf-8"))
    return numbers
