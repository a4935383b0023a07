"""What a person sees when a run is done: its table, its pictures, and where everything lies."""

from collections.abc import Mapping
from pathlib import Path

from tabulate import tabulate

from medloc.evaluation.samples import read_samples
from medloc.report.paper import METRICS
from medloc.runs import Record, Scores

LAST_PICTURE = "boxes.png"
SHOWN = 12  # test images drawn, evenly spaced over the test set
COLUMNS = {**METRICS, "mean_iou": "mean IoU", "parse_rate": "parsed", "n": "N"}


def closing_table(record: Record) -> str:
    """Return the result of one run as text, in percent, below a line that says what the numbers stand for.

    A row whose scores are missing shows "-" in every column.
    """
    metrics, identity, boxes = record.metrics, record.identity, record.metrics["constant_box"]
    words = filter(None, (identity["method"], identity["schedule"], f"{identity['steps']} steps"))
    scores = {"zero-shot start": metrics["zero_shot"]}
    if identity["method"] != "zero_shot":
        scores[f"trained ({', '.join(words)})"] = metrics["final"]
    scores |= {"best constant box": boxes and boxes["best"], "answer-grid ceiling": metrics["answer_grid"]}
    rows = [(name, *(_text(column, found) for column in COLUMNS)) for name, found in scores.items()]
    alignment = ("left", *["right"] * len(COLUMNS))
    table = tabulate(rows, ("", *COLUMNS.values()), "simple", disable_numparse=True, colalign=alignment)
    return f"{run_title(record)}\n\n{table}"


def run_title(record: Record) -> str:
    """Return one line that says what the numbers of a run stand for."""
    identity = record.identity
    images = "" if identity["evaluated_on"] == "test" else f", {identity['evaluated_on']} images"
    variant = f", {identity['variant']}" if identity["variant"] else ""
    return f"{record.label}: {identity['dataset']}{images}, seed {identity['seed']}{variant}; percent"


def _text(column: str, scores: Scores | None) -> str:
    value = scores and scores[column]  # type: ignore[literal-required]
    if value is None:
        return "-"
    return str(value) if column == "n" else f"{100 * value:.2f}"


def close_run(folder: Path, record: Record, images: Mapping[str, Path]) -> str:
    """Draw a run's pictures into its folder and return its closing text.

    Args:
        folder: The run's folder.
        record: Its record.
        images: The image file of each test image, by id.
    """
    from medloc.report.figures.gallery import draw_boxes  # matplotlib is imported here
    from medloc.report.figures.run import draw_loss, draw_training

    title = run_title(record).partition(";")[0]
    paths = {"record": folder / "record.json", "test images": folder / LAST_PICTURE}
    trace = folder / "trace.jsonl"
    if trace.exists():
        draw, name = (draw_training, "reward and tau") if record.config["method"]["reward"] else (draw_loss, "loss")
        paths[name] = folder / "training.png"
        draw(trace, paths[name], title)
    samples = list(read_samples(folder / "samples.jsonl"))
    shown = samples[:: max(1, len(samples) // SHOWN)][:SHOWN]
    items = [(images[sample.id], sample.truth, sample.box, sample.iou) for sample in shown]
    draw_boxes(items, paths["test images"], title)
    lines = [f"{name}: {path}" for name, path in paths.items()]
    return "\n".join(["", closing_table(record), "", *lines])


def is_closed(folder: Path) -> bool:
    """Tell whether a run's pictures have been drawn to the last."""
    return (folder / LAST_PICTURE).exists()
