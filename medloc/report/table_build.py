"""From the values of a group to one of its tables of accuracies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from medloc.experiments.catalog import Row
from medloc.report.cells import Cell, fixed_cell, marks
from medloc.report.missing import missing_runs, unavailable
from medloc.report.placement import UNTRAINED
from medloc.report.rows import FAMILIES
from medloc.report.table_added import added_lines
from medloc.report.table_differences import Comparison, Pair, compare
from medloc.report.table_facts import fact_headings, with_facts
from medloc.report.table_list import Description
from medloc.report.tables import Entry, Line, Place, Table
from medloc.report.values import Values

LEGEND = "Percent; ours as mean ± standard deviation over seeds (N); one value has no ±, and - is a run not yet made."
BESIDE_PAPER = "The paper's value stands beside ours."
RANKS = "Best in bold and second best underlined, among trained rows."
STARS = (
    "Δ in percentage points over the seeds that both rows have, with the stars of a paired two-tailed t-test: "
    "* p < 0.05, ** p < 0.01, *** p < 0.001."
)


def build_table(described: Description, values: Values) -> Table | None:
    """Build one table of one group; None where the group has no rows for it."""
    rows = [row for row in values.rows(described.name) if described.holds(row.name)]
    if not rows:
        return None
    datasets = [d for d in values.group.datasets if any(d in row.datasets for row in rows)]
    places = tuple(Place(dataset, metric) for dataset in datasets for metric in described.metrics)
    comparisons = compare(values, described.name, _pairs(described, rows), described.metrics, described.paper)
    lines = [*_ranked([_line(row, described, values) for row in rows]), *_difference_lines(comparisons)]
    lines += added_lines(values, rows, places)
    missing = missing_runs(values, described.name, rows)
    title = values.experiments[described.name].title
    says = [LEGEND, BESIDE_PAPER if described.paper else "", RANKS, STARS if comparisons else ""]
    return Table(
        name=described.name,
        title=f"{title} ({described.part})" if described.part else title,
        heading=values.group.heading,
        legend=" ".join(filter(None, says)),
        places=places,
        facts=fact_headings(described),
        lines=with_facts(lines, rows, described),
        comparisons=tuple(comparisons),
        notes=(*_stand_ins(values), *described.notes, *values.group.notes),
        missing=tuple(missing),
        lacking=tuple(unavailable(rows)),
        reproduce=values.reproduce(described.name) if missing else "",
    )


def _line(row: Row, described: Description, values: Values) -> Line:
    paper = described.paper
    untrained = row.set["method"] == UNTRAINED
    make: Callable[[tuple[float, ...]], Cell] = fixed_cell if untrained else Cell
    entries = {}
    for dataset in row.datasets:
        for metric in described.metrics:
            found = values.seeds(described.name, row.name, dataset, metric)
            printed = paper.cell(row.name, dataset, metric) if paper else None
            entries[Place(dataset, metric)] = Entry(make(tuple(found.values())), printed)
    return Line(row.name, "untrained" if untrained else "trained", entries)


def _ranked(lines: Sequence[Line]) -> Iterator[Line]:
    """Mark the best and the second best of the trained lines at every place, ours and the paper's apart."""
    trained = [line for line in lines if line.kind == "trained"]
    ranks = {}
    for place in {place for line in trained for place in line.entries}:
        found = {line.name: line.entries[place] for line in trained if place in line.entries}
        ranks[place] = (
            marks({name: entry.ours.mean for name, entry in found.items()}),
            marks({name: entry.paper_mean for name, entry in found.items()}),
        )
    for line in lines:
        if line.kind == "trained":
            yield replace(
                line,
                entries={
                    place: replace(entry, mark=ours.get(line.name, ""), paper_mark=paper.get(line.name, ""))
                    for place, entry in line.entries.items()
                    for ours, paper in [ranks[place]]
                },
            )
        else:
            yield line


def _pairs(described: Description, rows: Sequence[Row]) -> tuple[Pair, ...]:
    if described.pairs:
        return described.pairs
    trained = [row.name for row in rows if row.set["method"] != UNTRAINED]
    minuends = described.minuends or tuple(trained[:1])
    others = [name for name in trained if name not in minuends]
    return tuple(Pair(f"Δ {first} minus {second}", first, second) for first in minuends for second in others)


def _difference_lines(comparisons: Sequence[Comparison]) -> Iterator[Line]:
    for name in dict.fromkeys(one.name for one in comparisons):
        members = [one for one in comparisons if one.name == name]
        yield Line(name, "difference", {Place(c.dataset, c.metric): Entry(c.delta, c.paper) for c in members})


def _stand_ins(values: Values) -> Iterator[str]:
    """Say which of our models stands in for which of the paper's."""
    if values.group.setting.family == "tiny":
        papers = {size: model for size, model in FAMILIES["tiny"].items() if size != "specialist"}
        pairs = ", ".join(f"{model} for {size}" for size, model in papers.items())
        yield f"Tiny models stand in for the paper's: {pairs}. The paper's numbers are a pattern, not a goal."
