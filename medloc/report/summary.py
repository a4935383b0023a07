"""The table that closes a run: the trained model beside its start, the best constant box and the ceiling."""

from tabulate import tabulate

from medloc.report.cells import MISSING
from medloc.runs import Record, Scores

COLUMNS = {
    "a50": "A@0.5",
    "a80": "A@0.8",
    "map": "mAP",
    "mean_iou": "mean IoU",
    "parse_rate": "parsed",
    "n": "N",
}


def closing_table(record: Record) -> str:
    """Return the result of one run as text, in percent, below a line that says what the numbers stand for.

    A row whose scores are missing shows "-" in every column.
    """
    metrics, boxes = record.metrics, record.metrics["constant_box"]
    rows = [_row("zero-shot start", metrics["zero_shot"])]
    if record.identity["method"] != "zero_shot":
        rows.append(_row(_trained(record), metrics["final"]))
    rows.append(_row("best constant box", boxes and boxes["best"]))
    rows.append(_row("answer-grid ceiling", metrics["answer_grid"]))
    alignment = ("left", *["right"] * len(COLUMNS))
    table = tabulate(rows, ("", *COLUMNS.values()), "simple", disable_numparse=True, colalign=alignment)
    return f"{run_title(record)}\n\n{table}"


def run_title(record: Record) -> str:
    """Return one line that says what the numbers of a run stand for."""
    identity = record.identity
    images = "" if identity["evaluated_on"] == "test" else f", {identity['evaluated_on']} images"
    variant = f", {identity['variant']}" if identity["variant"] else ""
    return f"{record.label}: {identity['dataset']}{images}, seed {identity['seed']}{variant}; percent"


def _trained(record: Record) -> str:
    identity = record.identity
    words = [identity["method"], identity["schedule"], f"{identity['steps']} steps"]
    return f"trained ({', '.join(word for word in words if word)})"


def _row(name: str, scores: Scores | None) -> list[str]:
    return [name, *(_text(column, scores and scores[column]) for column in COLUMNS)]  # type: ignore[literal-required]


def _text(column: str, value: float | None) -> str:
    if value is None:
        return MISSING
    return str(value) if column == "n" else f"{100 * value:.2f}"
