"""The claims of the paper: `claims.yaml`, checked and taken apart into single comparisons."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations, product
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from medloc.report.paper import ACCURACY_TABLES, METRICS, SETS, PaperCell, paper_table, validated

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


Text = Annotated[str, Field(min_length=1)]
SENTENCE = {"id", "place", "quote", "relation"}
COMPARED = {"experiment", "datasets", "metrics"}


class Claim(BaseModel):
    """One sentence, or one relation that a table prints; `claims.yaml` explains what is not said here.

    Attributes:
        id: A name to link to.
        place: Where the paper says it.
        quote: The paper's words; our description where a table has no sentence.
        relation: A key of `MEASURED`, or "not testable here".
        reading: How the sentence is read; "" where it leaves no room.
        reason: Why it is not testable here; "" where it is.
        comparisons: All that must hold, taken apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Text
    place: Text
    quote: Text
    relation: Literal[(*MEASURED, UNTESTABLE)]  # type: ignore[valid-type]
    reading: str = ""
    reason: str = ""
    experiment: str = ""
    datasets: tuple[Literal[SETS], ...] = ()  # type: ignore[valid-type]
    metrics: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    rows: tuple[str, ...] = ()
    margin: float = 0.0
    than_metric: str = ""
    until: float = Field(1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _fits_the_relation(self) -> Self:
        if self.relation == UNTESTABLE:
            if self.model_fields_set != {*SENTENCE, "reason"}:
                raise ValueError("give a reason why it is not testable, and nothing to compare")
            return self
        if self.reason or not all(getattr(self, name) for name in COMPARED):
            raise ValueError(f"give {', '.join(sorted(COMPARED))}, and no reason")
        given = self.model_fields_set & {"subjects", "objects", "pairs", "rows"}
        if given not in ROW_KEYS or (given == {"subjects"}) != (self.relation == "overlapping"):
            raise ValueError("give subjects and objects, pairs, or rows; subjects alone for overlapping only")
        known = MEASURED[self.relation]
        if not set(self.metrics) <= set(known):
            raise ValueError(f"metrics={self.metrics} must be among {', '.join(known)} for relation={self.relation}")
        if bool(self.than_metric) != (self.relation == "larger gain"):
            raise ValueError("than_metric belongs to a larger gain, and to it only")
        if self.relation == "as printed":
            self.comparisons  # noqa: B018, the paper must print each of them
        return self

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every subject with every object, as the rows are given, on every data set and metric."""
        objects: list[str | None] = [*self.objects] or [None]
        pairs = [*combinations(self.rows, 2), *self.pairs, *product(self.subjects, objects)]
        found = []
        for (one, other), dataset, metric in product(pairs, self.datasets, self.metrics):
            relation, rows = self.relation, (self._row(one), self._row(other) if other else None)
            if relation == "as printed":
                relation, rows = "greater", _greater_first(*rows, dataset, metric)
            found.append(Comparison(relation, *rows, dataset, metric, self.margin, self.than_metric, self.until))
        return tuple(found)

    def _row(self, name: str) -> RowName:
        experiment, slash, row = name.partition("/")
        other = slash and experiment.startswith(("table", "figure"))
        return RowName(experiment, row) if other else RowName(self.experiment, name)


class ClaimList(BaseModel):
    """The content of `claims.yaml`.

    Attributes:
        similar_within: Points of accuracy within which two rows are "similar".
        versions: Row of the paper -> our rows that stand for it; the stronger is judged.
        untrained: Rows without training, whose numbers are the same for every seed.
        claims: In the paper's order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    similar_within: float = 3.0
    versions: dict[str, tuple[str, ...]]
    untrained: frozenset[str]
    claims: tuple[Claim, ...]


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
    claims = []
    for entry in content["claims"]:
        within = {"margin": content["similar_within"]} if entry.get("relation") == "similar" else {}
        claims.append(validated(Claim, {**within, **entry}, CLAIMS.name, str(entry.get("id", "without id"))))
    for name, count in Counter(claim.id for claim in claims).items():
        if count > 1:
            raise ValueError(f"claims.yaml: id={name} is there {count} times; give each claim its own.")
    return validated(ClaimList, {**content, "claims": claims}, CLAIMS.name, "file")


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
    points = []
    for metric in filter(None, (comparison.metric, comparison.than_metric)):
        rows = (comparison.subject, comparison.object)
        subject, compared = (printed_cell(row, comparison.dataset, metric) for row in rows)
        points.append(round(subject.mean - compared.mean, 2) if subject and compared else None)
    first, *other = points
    if first is None or None in other:
        return None
    return first - sum(number for number in other if number is not None)


def _greater_first(one: RowName, other: RowName | None, dataset: str, metric: str) -> tuple[RowName, RowName]:
    """Put the row that the paper prints greater first."""
    first, second = printed_cell(one, dataset, metric), printed_cell(other, dataset, metric)
    if not first or not second or other is None or first.mean == second.mean:
        raise ValueError(f"the paper prints no relation of {one} and {other} at {dataset} {metric}")
    return (one, other) if first.mean > second.mean else (other, one)
