"""The claims of the paper: `claims.yaml`, checked and taken apart into single comparisons."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from medloc.report.paper import ACCURACY_TABLES, METRICS, SETS, PaperCell, paper_table

CLAIMS = Path(__file__).with_name("claims.yaml")

UNTESTABLE = "not testable here"
MEASURED = {  # relation -> the metrics it can be about
    "greater": (*METRICS, "mean_iou"),
    "as printed": tuple(METRICS),
    "similar": (*METRICS, "mean_iou"),
    "larger gain": tuple(METRICS),
    "faster": tuple(METRICS),
    "denser": ("reward", "live"),
    "more stable": tuple(METRICS),
    "overlapping": ("overlap",),
}
ROW_KEYS = ({"subjects", "objects"}, {"subjects"}, {"pairs"}, {"rows"})


class RowName(NamedTuple):
    """A row of an experiment, as its file names it."""

    experiment: str
    name: str

    def __str__(self) -> str:
        """Return the row's name."""
        return self.name


@dataclass(frozen=True)
class Comparison:
    """One subject against one object in one number.

    Attributes:
        relation: A key of `MEASURED`, but never "as printed".
        subject: The row that the claim is about.
        object: The row it is compared with; None where it is compared with a constant.
        dataset: Data set, as in a record.
        metric: As in a record, or "reward", "live", "overlap".
        margin: Points by which the subject must be greater; for "similar", within which it must be.
        than_metric: The metric at which a larger gain must be the smaller; "" elsewhere.
        until: Fraction of the training steps that "denser" looks at, in (0, 1].
    """

    relation: str
    subject: RowName
    object: RowName | None
    dataset: str
    metric: str
    margin: float = 0.0
    than_metric: str = ""
    until: float = 1.0


@dataclass(frozen=True)
class Claim:
    """One sentence, or one relation that a table prints.

    Attributes:
        id: A name to link to.
        place: Where the paper says it.
        quote: The paper's words; our description where a table has no sentence.
        relation: As in `claims.yaml`.
        reading: How the sentence is read; "" where it leaves no room.
        reason: Why it is not testable here; "" where it is.
        comparisons: All that must hold.
    """

    id: str
    place: str
    quote: str
    relation: str
    reading: str
    reason: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class ClaimList:
    """The content of `claims.yaml`.

    Attributes:
        claims: In the paper's order.
        versions: Row of the paper -> our rows that stand for it; the stronger is judged.
        untrained: Rows without training, whose numbers are the same for every seed.
    """

    claims: tuple[Claim, ...]
    versions: Mapping[str, tuple[str, ...]]
    untrained: frozenset[str]


Text = Annotated[str, Field(min_length=1)]
Model = TypeVar("Model", bound=BaseModel)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    similar_within: float
    versions: dict[str, tuple[str, ...]]
    untrained: frozenset[str]
    claims: list[dict[str, Any]]


class _Sentence(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Text
    place: Text
    quote: Text


class _Untestable(_Sentence):
    relation: Literal["not testable here"]
    reason: Text


class _Testable(_Sentence):
    relation: Literal[tuple(MEASURED)]  # type: ignore[valid-type]
    experiment: Text
    datasets: list[Literal[tuple(SETS)]] = Field(min_length=1)  # type: ignore[valid-type]
    metrics: list[str] = Field(min_length=1)
    subjects: list[str] = []
    objects: list[str] = []
    pairs: list[tuple[str, str]] = []
    rows: list[str] = []
    reading: str = ""
    margin: float = 0.0
    than_metric: str = ""
    until: float = Field(1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _fits_the_relation(self) -> Self:
        given = self.model_fields_set & {"subjects", "objects", "pairs", "rows"}
        if given not in ROW_KEYS or (given == {"subjects"}) != (self.relation == "overlapping"):
            raise ValueError("give subjects and objects, pairs, or rows; subjects alone for overlapping only")
        known = MEASURED[self.relation]
        if not set(self.metrics) <= set(known):
            raise ValueError(f"metrics={self.metrics} must be among {', '.join(known)} for relation={self.relation}")
        if bool(self.than_metric) != (self.relation == "larger gain"):
            raise ValueError("than_metric belongs to a larger gain, and to it only")
        return self

    def row_pairs(self) -> list[tuple[RowName, RowName | None]]:
        """Return every subject with every object, as the rows are given."""
        objects: list[str | None] = [*self.objects] or [None]
        pairs = [*combinations(self.rows, 2), *self.pairs, *product(self.subjects, objects)]
        return [(self._row(one), self._row(other) if other else None) for one, other in pairs]

    def _row(self, name: str) -> RowName:
        experiment, slash, row = name.partition("/")
        other = slash and experiment.startswith(("table", "figure"))
        return RowName(experiment, row) if other else RowName(self.experiment, name)


@cache
def paper_claims() -> ClaimList:
    """Return the claims of the paper.

    Raises:
        ValueError: As in `read_claims`.
    """
    return read_claims(yaml.safe_load(CLAIMS.read_text(encoding="utf-8")))


def read_claims(content: Mapping[str, Any]) -> ClaimList:
    """Check the content of a claims file and return it.

    Raises:
        ValueError: A claim lacks a key, has an unknown one, or compares what does not exist; the message names it.
    """
    found = _validated(_File, content, "file")
    claims = tuple(_claim(entry, found.similar_within) for entry in found.claims)
    for name, count in Counter(claim.id for claim in claims).items():
        if count > 1:
            raise ValueError(f"claims.yaml: id={name} is there {count} times; give each claim its own.")
    return ClaimList(claims, found.versions, found.untrained)


def printed_cell(row: RowName | None, dataset: str, metric: str) -> PaperCell | None:
    """Return what the paper prints for a row; None where it prints nothing."""
    number = row.experiment.removeprefix("table") if row else ""
    if row is None or not number.isdigit() or int(number) not in ACCURACY_TABLES:
        return None
    return paper_table(int(number)).cell(row.name, dataset, metric)


def printed_difference(comparison: Comparison) -> float | None:
    """Return subject minus object as the paper prints them, in points; None where it does not print both.

    A larger gain is the difference at its metric minus the difference at the other one.
    """
    if comparison.relation not in ("greater", "similar", "larger gain"):
        return None
    points = _printed_points(comparison, comparison.metric)
    if comparison.relation != "larger gain" or points is None:
        return points
    other = _printed_points(comparison, comparison.than_metric)
    return None if other is None else points - other


def _printed_points(comparison: Comparison, metric: str) -> float | None:
    subject = printed_cell(comparison.subject, comparison.dataset, metric)
    compared = printed_cell(comparison.object, comparison.dataset, metric)
    return round(subject.mean - compared.mean, 2) if subject and compared else None


def _claim(entry: Mapping[str, Any], similar: float) -> Claim:
    name = str(entry.get("id", "without id"))
    if entry.get("relation") == UNTESTABLE:
        no = _validated(_Untestable, entry, name)
        return Claim(no.id, no.place, no.quote, UNTESTABLE, "", no.reason, ())
    claim = _validated(_Testable, entry, name)
    return Claim(
        claim.id, claim.place, claim.quote, claim.relation, claim.reading, "", tuple(_comparisons(claim, similar))
    )


def _comparisons(claim: _Testable, similar: float) -> Iterator[Comparison]:
    for (subject, compared), dataset, metric in product(claim.row_pairs(), claim.datasets, claim.metrics):
        if claim.relation == "as printed":
            yield _as_printed(claim.id, subject, compared, dataset, metric)
        else:
            margin = similar if claim.relation == "similar" else claim.margin
            words = (claim.relation, subject, compared, dataset, metric)
            yield Comparison(*words, margin=margin, than_metric=claim.than_metric, until=claim.until)


def _as_printed(name: str, one: RowName, other: RowName | None, dataset: str, metric: str) -> Comparison:
    """Put the row that the paper prints greater first."""
    first, second = printed_cell(one, dataset, metric), printed_cell(other, dataset, metric)
    if not first or not second or other is None or first.mean == second.mean:
        place = f"{dataset} {metric}"
        raise ValueError(f"claims.yaml {name}: the paper prints no relation of {one} and {other} at {place}.")
    rows = (one, other) if first.mean > second.mean else (other, one)
    return Comparison("greater", *rows, dataset, metric)


def _validated(model: type[Model], content: Mapping[str, Any], name: str) -> Model:
    """Return the content as a model; the message of an error names the claim, the key and the rule."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, (name, *first["loc"])))
        rule = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            rule = f"{key} is missing"
        elif first["type"] == "extra_forbidden":
            rule = f"{key} is no key of this claim; its keys are {', '.join(model.model_fields)}"
        elif first["loc"]:
            rule = f"{key}={first['input']}: {rule}"
        else:
            rule = f"{key}: {rule}"
        raise ValueError(f"claims.yaml {rule}.") from None
