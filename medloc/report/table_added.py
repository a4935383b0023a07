"""Lines that stand in every table of accuracies although no run fills them, and the runs that stand in none."""

from collections.abc import Callable, Iterator, Sequence

from medloc.experiments.catalog import Row
from medloc.report.cells import Cell, fixed_cell
from medloc.report.folds import is_fold
from medloc.report.rows import DATASETS, FAMILIES
from medloc.report.table_list import ALL
from medloc.report.tables import Entry, Kind, Line, Place, Table
from medloc.report.values import Values, last_scores, scored
from medloc.runs import Record, Scores

Pick = Callable[[Record], Scores | None]

OTHER = "Percent; mean ± standard deviation over seeds (N); one value has no ±, and - is a number not measured."


def added_lines(values: Values, rows: Sequence[Row], places: Sequence[Place]) -> list[Line]:
    """Return best and median constant box, and the best that the answers of each model in the table can say."""
    plain = values.plain()
    lines = [_line("Best constant box", plain, _best_box), _line("Median constant box", plain, _median_box)]
    wanted = {str(row.set["model"]) for row in rows}
    for model in FAMILIES[values.group.setting.family].values():
        members = [record for record in plain if record.identity["model"] == model]
        if model in wanted and members:
            lines.append(_line(f"Answer-grid ceiling ({model})", members, _grid))
    return [
        Line(line.name, line.kind, {place: line.entries.get(place, Entry(Cell())) for place in places})
        for line in lines
    ]


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
    others = [record for record in values.group.records if record.key not in asked and not is_fold(record)]
    if not others:
        return None
    lines = []
    for name in sorted({run_name(record) for record in others}):
        members = [record for record in others if run_name(record) == name]
        lines.append(_line(name, members, last_scores, Cell, "trained"))
    found = {place for line in lines for place in line.entries}
    places = tuple(place for place in _all_places() if place in found)
    title, group = "Runs that stand in no table", values.group
    return Table("other", title, group.heading, OTHER, places, (), tuple(lines), notes=group.notes)


def run_name(record: Record) -> str:
    """Return what sets a run apart within its group: "medloc piecewise tiny_s window.unit=group"."""
    identity = record.identity
    words = [identity["method"], identity["schedule"], identity["model"], identity["variant"]]
    return " ".join(word for word in words if word)


def _line(
    name: str,
    records: Sequence[Record],
    pick: Pick,
    make: Callable[[tuple[float, ...]], Cell] = fixed_cell,
    kind: Kind = "added",
) -> Line:
    """Collect what `pick` takes of each record, over seeds, by data set and metric."""
    entries = {}
    for dataset, metric in _all_places():
        members = [record for record in records if record.identity["dataset"] == dataset]
        members.sort(key=lambda record: (record.identity["seed"], record.key))
        found = [value for record in members for value in scored({0: record}, pick, metric).values()]
        if members:
            entries[Place(dataset, metric)] = Entry(make(tuple(found)))
    return Line(name, kind, entries)


def _all_places() -> Iterator[Place]:
    return (Place(dataset, metric) for dataset in DATASETS for metric in ALL)


def _best_box(record: Record) -> Scores | None:
    boxes = record.metrics["constant_box"]
    return boxes and boxes["best"]


def _median_box(record: Record) -> Scores | None:
    boxes = record.metrics["constant_box"]
    return boxes and boxes["median"]


def _grid(record: Record) -> Scores | None:
    return record.metrics["answer_grid"]
