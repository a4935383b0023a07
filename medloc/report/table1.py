"""Table 1: accuracy of every system on every data set, ours beside the paper's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from medloc.records import Identity, Record, Scores
from medloc.report.cells import MISSING, Cell, fixed_cell
from medloc.report.groups import Group
from medloc.report.paper import METRICS, PaperCell, table1
from medloc.report.rows import FAMILIES, ROWS, Row


class Place(NamedTuple):
    """A column: data set and metric, by their names in a record."""

    dataset: str
    metric: str


@dataclass(frozen=True)
class Line:
    """A line of the table: a name, our cells, and the paper's where the paper has that line."""

    name: str
    ours: dict[Place, Cell]
    paper: dict[Place, PaperCell]

    def texts(self, dataset: str) -> list[str]:
        """Return the printed line for one data set: ours and the paper's for every metric."""
        places = [Place(dataset, metric) for metric in METRICS]
        pairs = ((self.ours.get(place, MISSING), self.paper.get(place, MISSING)) for place in places)
        return [self.name, *(str(cell) for pair in pairs for cell in pair)]


def table1_lines(group: Group) -> list[Line]:
    """Return the paper's rows in its order, then our own: constant boxes and the answer grid's ceiling."""
    family = group.setting.family
    if family not in FAMILIES:
        return []
    paper = [_paper_line(row, group) for row in ROWS]
    return [*paper, *_constant_boxes(group), *_answer_grids(group)]


def other_lines(group: Group) -> list[Line]:
    """Return the runs that no row of Table 1 asks for: other schedules, models and overrides."""
    names = {_run_name(record.identity): record.identity for record in others(group)}
    return [
        Line(name, _collect(_members(group, identity), _final, Cell), {}) for name, identity in sorted(names.items())
    ]


def others(group: Group) -> list[Record]:
    """Return the records of a group that stand in no row of Table 1."""
    family = group.setting.family
    rows = ROWS if family in FAMILIES else ()
    return [record for record in group.records if not any(row.holds(record.identity, family) for row in rows)]


def row_records(row: Row, group: Group) -> list[Record]:
    """Return the records that fill a row, over all data sets and seeds."""
    return [record for record in group.records if row.holds(record.identity, group.setting.family)]


Pick = Callable[[Record], Scores | None]


def _paper_line(row: Row, group: Group) -> Line:
    members = row_records(row, group)
    ours = _collect(members, _final, Cell) if row.method != "zero_shot" else _zero_shot(row, group, members)
    paper = {Place(d, m): cell for d, cells in table1()[row.name].items() for m, cell in cells.items()}
    return Line(row.name, ours, paper)


def _zero_shot(row: Row, group: Group, members: Sequence[Record]) -> dict[Place, Cell]:
    """Take the zero-shot runs, and where a data set has none, the start that every trained run measured."""
    model = FAMILIES[group.setting.family][row.size]
    starts = [record for record in _plain(group) if record.identity["model"] == model]
    measured = _collect(members, lambda record: _final(record) or _start(record), fixed_cell)
    return _collect(starts, _start, fixed_cell) | measured


def _constant_boxes(group: Group) -> list[Line]:
    def best(record: Record) -> Scores | None:
        boxes = record.metrics["constant_box"]
        return boxes and boxes["best"]

    def median(record: Record) -> Scores | None:
        boxes = record.metrics["constant_box"]
        return boxes and boxes["median"]

    picks = {"Best constant box": best, "Median constant box": median}
    return [Line(name, _collect(_plain(group), pick, fixed_cell), {}) for name, pick in picks.items()]


def _answer_grids(group: Group) -> list[Line]:
    """Return one line per model: the best that its answers can say."""
    present = {record.identity["model"] for record in group.records}
    models = [model for model in FAMILIES[group.setting.family].values() if model in present]
    lines = []
    for model in models:
        members = [record for record in _plain(group) if record.identity["model"] == model]
        grid = _collect(members, lambda record: record.metrics["answer_grid"], fixed_cell)
        lines.append(Line(f"Answer-grid ceiling ({model})", grid, {}))
    return lines


def _plain(group: Group) -> list[Record]:
    """Return the records without overrides, which alone measure the group's own start, boxes and grid."""
    return [record for record in group.records if not record.identity["variant"]]


def _start(record: Record) -> Scores | None:
    return record.metrics["zero_shot"]


def _final(record: Record) -> Scores | None:
    return record.metrics["final"]


def _collect(records: Iterable[Record], pick: Pick, cell: Callable[[tuple[float, ...]], Cell]) -> dict[Place, Cell]:
    """Gather one number per record into a cell for every data set and metric, in the order of the seeds."""
    values: dict[Place, list[float]] = {}
    for record in sorted(records, key=lambda record: (record.identity["seed"], record.key)):
        scores = pick(record)
        for metric in METRICS if scores else ():
            value = scores[metric]  # type: ignore[literal-required, index]
            if value is not None:
                values.setdefault(Place(record.identity["dataset"], metric), []).append(value)
    return {place: cell(tuple(found)) for place, found in values.items()}


def _run_name(identity: Identity) -> str:
    words = [identity["method"], identity["schedule"], identity["model"], identity["variant"]]
    return " ".join(word for word in words if word)


def _members(group: Group, identity: Identity) -> list[Record]:
    return [record for record in group.records if _run_name(record.identity) == _run_name(identity)]
