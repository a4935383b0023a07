"""From records to tables: the accuracies of every experiment, runs of none, and Table 5's images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from medloc.experiments.catalog import FAMILIES, Row
from medloc.experiments.reduced import read_grid
from medloc.report.frame import UNTRAINED, is_fold, run_name
from medloc.report.groups import DATASETS, empty_group, group_records
from medloc.report.paper import class_counts
from medloc.report.runs import ImageCounts, image_counts
from medloc.report.tables.differences import compare
from medloc.report.tables.listing import ALL, DESCRIPTIONS, OURS, Description, fact_headings, with_facts
from medloc.report.tables.table import Cell, Comparison, Count, Entry, Line, Pair, Place, Table, fixed_cell, marks
from medloc.report.values import Missing, Values, missing_runs, unavailable
from medloc.runs import Record

LEGEND = "Percent; ours as mean ± standard deviation over seeds (N); one value has no ±, and - is a run not yet made."
BESIDE_PAPER = "The paper's value stands beside ours."
RANKS = "Best in bold and second best underlined, among trained rows."
STARS = (
    "Δ in percentage points over the seeds that both rows have, with the stars of a paired two-tailed t-test: "
    "* p < 0.05, ** p < 0.01, *** p < 0.001."
)


OTHER = "Percent; mean ± standard deviation over seeds (N); one value has no ±, and - is a number not measured."
COUNTED = "Images, counted from the files; the paper's count stands beside ours, and - is a data set not at hand."
PARTS = ("train", "test")
TOTAL = "Total"
SPELLINGS = {"sever": "severe"}
"""Class as the files have it -> as the paper spells it, both in small letters without blanks."""


def all_values(results: Path, records: Iterable[Record]) -> list[Values]:
    """Return the values of every group of a results folder, the largest group first; never none.

    Raises:
        ValueError: `results/reduced.json` is torn; the message names it.
    """
    grid = read_grid(results)
    groups = group_records(records, grid.smoke) or [empty_group()]
    return [Values(group, results, grid) for group in groups]


def all_tables(found: Sequence[Values]) -> list[Table]:
    """Return every table: the first group's all, of the others those that hold a number of theirs."""
    tables = [table for values in found for table in _of_group(values) if values is found[0] or _holds_any(table)]
    order = sorted(dict.fromkeys(table.name for table in tables), key=_place)
    return [table for name in order for table in _without_repeats(tables, name)]


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


def added_lines(values: Values, rows: Sequence[Row], places: Sequence[Place]) -> list[Line]:
    """Return best and median constant box, and the best that the answers of each model in the table can say."""
    columns = ["key", "seed", "model", "stage", "dataset", "metric", "value"]
    long = values.long.reindex(columns=columns)
    plain = long[long["key"].isin([record.key for record in values.plain()])].sort_values(["seed", "key"])
    wanted = {str(row.set["model"]) for row in rows} & set(plain["model"])
    lines = [("Best constant box", plain[plain["stage"] == "best_box"])]
    lines += [("Median constant box", plain[plain["stage"] == "median_box"])]
    for model in FAMILIES[values.group.setting.family].values():
        if model in wanted:
            ceiling = plain[(plain["stage"] == "answer_grid") & (plain["model"] == model)]
            lines.append((f"Answer-grid ceiling ({model})", ceiling))
    return [_added(name, found, places) for name, found in lines]


def _added(name: str, found: pd.DataFrame, places: Sequence[Place]) -> Line:
    cells = {place: fixed_cell(numbers) for place, numbers in found.groupby(["dataset", "metric"])["value"]}
    return Line(name, "added", {place: Entry(cells.get(place, Cell())) for place in places})


def other_table(values: Values) -> Table | None:
    """List the runs that no row of any experiment asks for, without parts of a cross-validation; None where none is."""
    asked = {
        record.key
        for experiment in values.experiments
        for row in values.rows(experiment)
        for dataset in row.datasets
        for record in values.records(experiment, row.name, dataset).values()
        if record.identity["method"] == row.set["method"]  # not a trained run that lends its start
    }
    found = [
        (run_name(record), record.identity["dataset"], metric, values.table_score(record, metric))
        for record in sorted(values.group.records, key=lambda record: (record.identity["seed"], record.key))
        if record.key not in asked and not is_fold(record)
        for metric in ALL
    ]
    if not found:
        return None
    scores = pd.DataFrame(found, columns=["name", "dataset", "metric", "value"])
    places = [Place(dataset, metric) for dataset in DATASETS for metric in ALL if dataset in set(scores["dataset"])]
    lines = []
    for name, members in scores.groupby("name"):
        by_place = members.groupby(["dataset", "metric"])["value"]
        cells = {place: Entry(Cell(tuple(numbers.dropna()))) for place, numbers in by_place}
        lines.append(Line(str(name), "trained", {place: cells[place] for place in places if place in cells}))
    group = values.group
    return Table(
        "other", "Runs that stand in no table", group.heading, OTHER, tuple(places), (), tuple(lines), notes=group.notes
    )


def counts_table(values: Values) -> Table:
    """Build Table 5 for the data of one group."""
    group = values.group
    found = {dataset: _found(values, dataset) for dataset in group.datasets}
    printed = class_counts()
    lines: dict[str, dict[Place, Entry]] = {}
    for dataset, counts in found.items():
        for name in _classes(dataset, counts):
            for part, paper in zip(PARTS, printed.get(dataset, {}).get(name, (None, None)), strict=True):
                entry = Entry(Count(_count(dataset, counts, part, name)), None if paper is None else Count(paper))
                lines.setdefault(name, {})[Place(dataset, part)] = entry
    missing = [_missing(values, dataset) for dataset, counts in found.items() if counts is None]
    total = lines.pop(TOTAL, {})
    return Table(
        name="table5",
        title=values.experiments["table5"].title if values.experiments else "Table 5",
        heading=group.data_heading,
        what="Class",
        legend=COUNTED,
        places=tuple(Place(dataset, part) for dataset in found for part in PARTS),
        facts=(),
        lines=tuple(Line(name, "added", entries) for name, entries in [*lines.items(), (TOTAL, total)]),
        missing=tuple(missing),
    )


def _found(values: Values, dataset: str) -> ImageCounts | None:
    return image_counts(values.results, (r for r in values.group.records if r.identity["dataset"] == dataset))


def _classes(dataset: str, counts: ImageCounts | None) -> Iterator[str]:
    """Yield the paper's classes in its order, then those that it does not have, then the total."""
    known = [name for name in class_counts().get(dataset, {}) if name != TOTAL]
    yield from known
    if counts:
        yield from sorted({_printed(dataset, label) for label in (*counts.train, *counts.test)} - set(known))
    yield TOTAL


def _count(dataset: str, counts: ImageCounts | None, part: str, name: str) -> int | None:
    """Count one class; one that the files do not have has 0 images."""
    if counts is None:
        return None
    by_label = counts.train if part == "train" else counts.test
    return sum(number for label, number in by_label.items() if name in (TOTAL, _printed(dataset, label)))


def _printed(dataset: str, label: str) -> str:
    """Return a class as the paper prints it; as the files have it where the paper does not."""
    known = {_plain(name): name for name in class_counts().get(dataset, {})}
    plain = _plain(label)
    return known.get(SPELLINGS.get(plain, plain), label or "(no class)")


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()


def _missing(values: Values, dataset: str) -> Missing:
    """Name a run that reads the images; the report counts them afterwards."""
    return Missing(f"The images of {DATASETS[dataset]}", (), (), values.reading_run(dataset).command)


def _of_group(values: Values) -> list[Table]:
    built = [build_table(described, values) for described in DESCRIPTIONS]
    return [table for table in (*built, counts_table(values), other_table(values)) if table is not None]


def _holds_any(table: Table) -> bool:
    """Tell whether a table has a number that its group alone gives: one of its rows', or counted images."""
    lines = [line for line in table.lines if line.kind in ("trained", "untrained") or table.name == "table5"]
    return any(entry.ours.mean is not None for line in lines for entry in line.entries.values())


def _without_repeats(tables: Iterable[Table], name: str) -> list[Table]:
    """Keep one of equal tables: groups that train differently count the same images."""
    kept: list[Table] = []
    for table in tables:
        if table.name == name and not any((table.heading, table.lines) == (o.heading, o.lines) for o in kept):
            kept.append(table)
    return kept


def _place(name: str) -> tuple[int, str]:
    return ("table", *OURS, "other").index(name.rstrip("0123456789")), name
