"""The paper's own numbers, read from `paper_numbers.yaml`; a number that does not fit its table is an error."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

NUMBERS = Path(__file__).with_name("paper_numbers.yaml")

METRICS = {"a50": "A@0.5", "a80": "A@0.8", "map": "mAP"}
"""Metric in a record -> its name in the paper's tables, in their order."""

SETS = ("ham10000", "heel", "tn3k")
ACCURACY_TABLES = (1, 2, 3, 4, 6, 7, 8)

Model = TypeVar("Model", bound=BaseModel)


def _decimals(value: Any) -> float:
    if not isinstance(value, float):
        raise ValueError("must be printed with decimals")
    return value


Decimal = Annotated[float, BeforeValidator(_decimals)]
Percent = Annotated[Decimal, Field(ge=0, le=100)]


class PaperCell(NamedTuple):
    """A number as printed, in percent; `sd` is None where none is printed."""

    mean: Percent
    sd: Percent | None = None

    def __str__(self) -> str:
        """Return the cell as the paper prints it."""
        return f"{self.mean:.2f}" if self.sd is None else f"{self.mean:.2f} ± {self.sd:.2f}"


class PaperDifference(NamedTuple):
    """A cell of a Δ row: the difference in points, and its stars."""

    points: Decimal
    stars: Literal["", "*", "**", "***"]

    def __str__(self) -> str:
        """Return the difference as the paper prints it."""
        return f"{self.points:+.2f}{self.stars}"


class PaperCount(NamedTuple):
    """Images of one class in Table 5, as printed."""

    train: int
    test: int


Set = Literal[SETS]  # type: ignore[valid-type]
Cells = dict[Set, dict[str, PaperCell]]


class PaperTable(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    columns: Annotated[tuple[Literal[tuple(METRICS)], ...], Field(min_length=1)]  # type: ignore[valid-type]
    rows: dict[str, Annotated[Cells, Field(min_length=1)]]
    settings: dict[str, dict[str, Any]] = {}
    differences: dict[str, dict[Set, dict[str, PaperDifference]]] = {}
    pairs: dict[str, tuple[str, str]] = {}
    seeds: tuple[int, ...] = ()

    @field_validator("rows", "differences", mode="before")
    @classmethod
    def _name_the_cells(cls, found: Mapping[str, Mapping[str, list[Any]]], info: ValidationInfo) -> dict[str, Any]:
        columns = info.data.get("columns", ())
        for row, dataset, line in ((row, name, line) for row, sets in found.items() for name, line in sets.items()):
            if len(line) != len(columns):
                raise ValueError(f"{row} {dataset} has {len(line)} cells; the table has {len(columns)} columns")
        return {
            row: {name: dict(zip(columns, line, strict=True)) for name, line in sets.items()}
            for row, sets in found.items()
        }

    @model_validator(mode="after")
    def _names_are_rows(self) -> Self:
        for name in {*self.settings, *(row for pair in self.pairs.values() for row in pair)} - set(self.rows):
            raise ValueError(f"{name!r} is no row of the table")
        if set(self.differences) != set(self.pairs):
            raise ValueError("pairs must name the two rows of every row of differences")
        return self

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
    return validated(PaperTable, {"number": number, **_numbers()[f"table{number}"]}, NUMBERS.name, f"table{number}")


@cache
def class_counts() -> dict[str, dict[str, PaperCount]]:
    """Return Table 5 as data set -> class -> images; the class "Total" is the printed total."""
    rows = _numbers()["table5"]["rows"]
    return {name: {label: PaperCount(*count) for label, count in counts.items()} for name, counts in rows.items()}


def paper_text() -> dict[str, Any]:
    """Return the numbers that stand in sentences and captions, as the file's section `text` has them."""
    text: dict[str, Any] = _numbers()["text"]
    return text


@cache
def _numbers() -> dict[str, Any]:
    numbers: dict[str, Any] = yaml.safe_load(NUMBERS.read_text(encoding="utf-8"))
    return numbers


def validated(model: type[Model], content: Mapping[str, Any], file: str, name: str) -> Model:
    """Return a part of a file as a model.

    Args:
        model: What the part must be.
        content: What the file says.
        file: Its name.
        name: Of the part.

    Raises:
        ValueError: It is none; the message names the file, the part, the key and the rule.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, (name, *first["loc"])))
        rule = f"{key}={first['input']}" if first["loc"] else key
        rule += f": {first['msg'].removeprefix('Value error, ')}"
        if first["type"] == "missing":
            rule = f"{key} is missing"
        elif first["type"] == "extra_forbidden":
            rule = f"{key} is no key there; the keys are {', '.join(model.model_fields)}"
        raise ValueError(f"{file}: {rule}.") from None
