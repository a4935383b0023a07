"""The claims of the paper, read from `claims.yaml` and taken apart into single comparisons."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

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
KEYS = {"id", "place", "quote", "relation", "experiment", "datasets", "metrics"}
OPTIONAL = {"reading", "margin", "than_metric", "until"}
ROWS = ({"subjects", "objects"}, {"subjects"}, {"pairs"}, {"rows"})


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
        relation: "greater", "similar", "larger gain", "faster", "denser", "more stable" or "overlapping".
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
        quote: In its words; a description in ours for a relation without a sentence.
        relation: As in `claims.yaml`.
        reading: How the sentence is read; "" where it leaves no room.
        reason: Why it is not testable here; "" where it is.
        comparisons: What must hold, all of it.
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
        untrained: Rows that no seed moves.
    """

    claims: tuple[Claim, ...]
    versions: Mapping[str, tuple[str, ...]]
    untrained: frozenset[str]


@cache
def paper_claims() -> ClaimList:
    """Return the claims of the paper.

    Raises:
        ValueError: As in `read_claims`.
    """
    return read_claims(yaml.safe_load(CLAIMS.read_text(encoding="utf-8")))


def read_claims(found: Mapping[str, Any]) -> ClaimList:
    """Check the content of a claims file and return it.

    Raises:
        ValueError: A claim lacks a key, has an unknown one, or compares what does not exist; the message names it.
    """
    similar = found["similar_within"]
    claims = tuple(_claim(entry, similar) for entry in found["claims"])
    names = [claim.id for claim in claims]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"claims.yaml: id={name} is there {names.count(name)} times; give each its own.")
    versions = {name: tuple(rows) for name, rows in found["versions"].items()}
    return ClaimList(claims, versions, frozenset(found["untrained"]))


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
    name = entry.get("id", "without id")
    relation = entry.get("relation")
    if relation == UNTESTABLE:
        _check_keys(name, entry, {"id", "place", "quote", "relation", "reason"}, set())
        return Claim(name, entry["place"], entry["quote"], relation, "", entry["reason"], ())
    if relation not in MEASURED:
        raise ValueError(f"claims.yaml {name}: relation={relation}; known: {', '.join([*MEASURED, UNTESTABLE])}.")
    rows = set(entry) & {"subjects", "objects", "pairs", "rows"}
    if rows not in ROWS or (rows == {"subjects"}) != (relation == "overlapping"):
        raise ValueError(f"claims.yaml {name}: give subjects and objects, pairs, or rows.")
    _check_keys(name, entry, KEYS | rows, OPTIONAL)
    _check_values(name, entry, relation)
    comparisons = tuple(_comparisons(entry, relation, similar))
    return Claim(name, entry["place"], entry["quote"], relation, entry.get("reading", ""), "", comparisons)


def _check_keys(name: str, entry: Mapping[str, Any], needed: set[str], optional: set[str]) -> None:
    wrong = sorted((needed - set(entry)) | (set(entry) - needed - optional))
    if wrong:
        raise ValueError(f"claims.yaml {name}: missing or unknown: {', '.join(wrong)}.")


def _check_values(name: str, entry: Mapping[str, Any], relation: str) -> None:
    for key, known in (("datasets", SETS), ("metrics", MEASURED[relation])):
        if not entry[key] or set(entry[key]) - set(known):
            raise ValueError(f"claims.yaml {name}: {key}={entry[key]} must be among {', '.join(known)}.")
    if ("than_metric" in entry) != (relation == "larger gain"):
        raise ValueError(f"claims.yaml {name}: than_metric belongs to a larger gain, and to it only.")


def _comparisons(entry: Mapping[str, Any], relation: str, similar: float) -> Iterator[Comparison]:
    for (subject, compared), dataset, metric in product(_pairs(entry), entry["datasets"], entry["metrics"]):
        names = (_row(entry, subject), _row(entry, compared) if compared else None)
        if relation == "as printed":
            yield _as_printed(entry["id"], *names, dataset, metric)
            continue
        yield Comparison(
            relation,
            *names,
            dataset,
            metric,
            margin=similar if relation == "similar" else entry.get("margin", 0.0),
            than_metric=entry.get("than_metric", ""),
            until=entry.get("until", 1.0),
        )


def _pairs(entry: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    if "rows" in entry:
        return list(combinations(entry["rows"], 2))
    return [(one, other) for one, other in entry.get("pairs", product(entry.get("subjects", ()), _objects(entry)))]


def _objects(entry: Mapping[str, Any]) -> list[str | None]:
    return entry.get("objects", [None])


def _row(entry: Mapping[str, Any], name: str) -> RowName:
    experiment, slash, row = name.partition("/")
    known = slash and experiment.startswith(("table", "figure"))
    return RowName(experiment, row) if known else RowName(entry["experiment"], name)


def _as_printed(name: str, one: RowName, other: RowName | None, dataset: str, metric: str) -> Comparison:
    """Put the row that the paper prints greater first."""
    first, second = printed_cell(one, dataset, metric), printed_cell(other, dataset, metric)
    if not first or not second or other is None or first.mean == second.mean:
        raise ValueError(
            f"claims.yaml {name}: the paper prints no relation of {one} and {other} at {dataset} {metric}."
        )
    rows = (one, other) if first.mean > second.mean else (other, one)
    return Comparison("greater", *rows, dataset, metric)
