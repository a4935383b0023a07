"""From the values of a group to its tables of accuracies."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from medloc.records import Record, Scores
from medloc.report.cells import Cell, fixed_cell, marks
from medloc.report.missing import missing_runs, unavailable
from medloc.report.paper import PaperCell
from medloc.report.rows import FAMILIES
from medloc.report.table_differences import Comparison, Pair, compare
from medloc.report.table_list import Description
from medloc.report.table_paper import paper_rows, paper_settings
from medloc.report.tables import Entry, Kind, Line, Place, Table
from medloc.report.tau_path import path_text, schedule_of, tau_path
from medloc.report.values import UNTRAINED, Values, scored
from medloc.settings.experiments import Row

LEGEND = "Percent; ours as mean ± standard deviation over seeds (N); one value has no ±, and - is a run not yet made. "
RANKS = "Best in bold and second best underlined, among trained rows."
STARS = " Δ in percentage points over the seeds that both rows have, with the stars of a paired two-tailed t-test: "
STARS += "* p < 0.05, ** p < 0.01, *** p < 0.001."
BESIDE_PAPER = "The paper's value stands beside ours. "

Pick = Callable[[Record], Scores | None]


def build_table(described: Description, values: Values) -> Table | None:
    """Build one table of one group; None where the group has no rows for it."""
    rows = [row for row in values.rows(described.name) if described.holds(row.name)]
    if not rows:
        return None
    datasets = [d for d in values.group.datasets if any(d in row.datasets for row in rows)]
    places = tuple(Place(dataset, metric) for dataset in datasets for metric in described.metrics)
    comparisons = compare(values, described.name, _pairs(described, rows), described.metrics)
    lines = _ranked([_row_line(row, described, values) for row in rows])
    lines += [*_difference_lines(comparisons), *_constant_boxes(values, places), *_answer_grids(values, rows, places)]
    missing = missing_runs(values, described.name, rows)
    legend = LEGEND + (BESIDE_PAPER if paper_rows(described.name) else "") + RANKS + (STARS if comparisons else "")
    return Table(
        name=described.name,
        title=_title(described, values),
        heading=values.group.heading,
        legend=legend,
        places=places,
        facts=_fact_headings(described),
        lines=tuple(_with_facts(lines, rows, described)),
        comparisons=tuple(comparisons),
        notes=(*_stand_ins(values), *described.notes, *values.group.notes),
        missing=tuple(missing),
        lacking=tuple(unavailable(rows)),
        reproduce=f"python -m medloc.reproduce {described.name}" if missing and _is_default(values) else "",
    )


def other_table(values: Values) -> Table | None:
    """List the runs that no row of any experiment asks for; None where there is none."""
    asked = {
        record.key
        for name in values.experiments
        for row in values.rows(name)
        for dataset in row.datasets
        for record in values.records(name, row.name, dataset).values()
    }
    others = [record for record in values.group.records if record.key not in asked]
    if not others:
        return None
    lines = []
    for name in sorted({_run_name(record) for record in others}):
        members = [record for record in others if _run_name(record) == name]
        lines.append(_added(name, members, lambda record: record.metrics["final"], Cell, "trained"))
    places = _present(lines)
    legend = LEGEND.strip()
    return Table("other", "Other runs", values.group.heading, legend, places, (), tuple(lines), notes=values.group.notes)


def _title(described: Description, values: Values) -> str:
    title = values.experiments[described.name].title
    return f"{title} ({described.part})" if described.part else title


def _row_line(row: Row, described: Description, values: Values) -> Line:
    printed = paper_rows(described.name).get(row.name, {})
    untrained = row.set["method"] == UNTRAINED
    make: Callable[[tuple[float, ...]], Cell] = fixed_cell if untrained else Cell
    entries = {}
    for dataset in row.datasets:
        for metric in described.metrics:
            found = values.seeds(described.name, row.name, dataset, metric)
            paper = printed.get(dataset, {}).get(metric)
            entries[Place(dataset, metric)] = Entry(make(tuple(found.values())), paper)
    return Line(row.name, "untrained" if untrained else "trained", entries)


def _ranked(lines: Sequence[Line]) -> list[Line]:
    """Mark the best and the second best of the trained lines at every place, ours and the paper's apart."""
    trained = [line for line in lines if line.kind == "trained"]
    for place in {place for line in trained for place in line.entries}:
        entries = {line.name: line.entries[place] for line in trained if place in line.entries}
        ours = marks({name: entry.ours.mean for name, entry in entries.items() if entry.ours.mean is not None})
        paper = marks({name: entry.paper.mean for name, entry in entries.items() if entry.paper is not None})
        for line in trained:
            if place in line.entries:
                old = line.entries[place]
                marked = Entry(old.ours, old.paper, ours.get(line.name, ""), paper.get(line.name, ""))
                line.entries[place] = marked
    return list(lines)


def _pairs(described: Description, rows: Sequence[Row]) -> tuple[Pair, ...]:
    """Return the table's differences: its own, or the minuends (the first row) minus every other trained row."""
    if described.pairs:
        return described.pairs
    trained = [row.name for row in rows if row.set["method"] != UNTRAINED]
    minuends = described.minuends or tuple(trained[:1])
    others = [name for name in trained if name not in minuends]
    return tuple(Pair(f"Δ ({first}) - ({second})", first, second) for first in minuends for second in others)


def _difference_lines(comparisons: Sequence[Comparison]) -> Iterator[Line]:
    for name in dict.fromkeys(one.name for one in comparisons):
        members = [one for one in comparisons if one.name == name]
        entries = {Place(one.dataset, one.metric): Entry(one.delta, one.paper) for one in members}
        yield Line(name, "difference", entries)


def _constant_boxes(values: Values, places: Sequence[Place]) -> Iterator[Line]:
    def best(record: Record) -> Scores | None:
        boxes = record.metrics["constant_box"]
        return boxes and boxes["best"]

    def median(record: Record) -> Scores | None:
        boxes = record.metrics["constant_box"]
        return boxes and boxes["median"]

    for name, pick in {"Best constant box": best, "Median constant box": median}.items():
        yield _filled(_added(name, values.plain(), pick, fixed_cell), places)


def _answer_grids(values: Values, rows: Sequence[Row], places: Sequence[Place]) -> Iterator[Line]:
    """Yield one line for each model that answers on a grid: the best that its answers can say."""
    wanted = {str(row.set["model"]) for row in rows}
    for model in FAMILIES[values.group.setting.family].values():
        members = [record for record in values.plain() if record.identity["model"] == model]
        line = _added(f"Answer-grid ceiling ({model})", members, lambda record: record.metrics["answer_grid"], fixed_cell)
        if model in wanted and members:
            yield _filled(line, places)


def _added(
    name: str, records: Sequence[Record], pick: Pick, make: Callable[[tuple[float, ...]], Cell], kind: Kind = "added"
) -> Line:
    """Collect a line from records: what `pick` takes of each, over seeds, by data set and metric."""
    entries = {}
    for dataset in sorted({record.identity["dataset"] for record in records}):
        members = [record for record in records if record.identity["dataset"] == dataset]
        members.sort(key=lambda record: (record.identity["seed"], record.key))
        for metric in ("a50", "a80", "map"):
            found = [value for record in members for value in scored({0: record}, pick, metric).values()]
            entries[Place(dataset, metric)] = Entry(make(tuple(found)))
    return Line(name, kind, entries)


def _filled(line: Line, places: Sequence[Place]) -> Line:
    return Line(line.name, line.kind, {place: line.entries.get(place, Entry(Cell())) for place in places})


def _present(lines: Iterable[Line]) -> tuple[Place, ...]:
    from medloc.report.rows import DATASETS

    found = {place for line in lines for place in line.entries}
    order = [Place(dataset, metric) for dataset in DATASETS for metric in ("a50", "a80", "map")]
    return tuple(place for place in order if place in found)


def _fact_headings(described: Description) -> tuple[str, ...]:
    return (*described.settings.values(), *(("τ path", "equal path") if described.path else ()))


def _with_facts(lines: Iterable[Line], rows: Sequence[Row], described: Description) -> Iterator[Line]:
    printed = paper_settings(described.name)
    paths = {row.name: tau_path(schedule_of(row)) for row in rows} if described.path else {}
    for line in lines:
        facts = [_fact(printed.get(line.name, {}).get(key)) for key in described.settings]
        if described.path:
            path = paths.get(line.name, ())
            equal = [name for name, other in paths.items() if other == path and name != line.name]
            facts += [path_text(path), f"= {', '.join(equal)}" if equal else ""]
        yield Line(line.name, line.kind, line.entries, tuple(facts))


def _fact(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _stand_ins(values: Values) -> Iterator[str]:
    """Say which of our models stands in for which of the paper's."""
    if values.group.setting.family == "tiny":
        pairs = ", ".join(f"{model} for {size}" for size, model in FAMILIES["tiny"].items())
        yield f"Tiny models stand in for the paper's: {pairs}. The paper's numbers are a pattern, not a goal."


def _is_default(values: Values) -> bool:
    """Tell whether the missing runs are those that `medloc.reproduce` would make without further words."""
    group = values.group
    return group.setting.kind == "phantom" and group.setting.family == "tiny" and group.setting.evaluated_on == "test"


def _run_name(record: Record) -> str:
    identity = record.identity
    words = [identity["method"], identity["schedule"], identity["model"], identity["variant"]]
    return " ".join(word for word in words if word)
