"""What a person sees when a run is done: its table, its pictures, and where everything lies."""

from collections.abc import Mapping
from pathlib import Path

from medloc.evaluation.samples import read_samples
from medloc.report.summary import closing_table, run_title
from medloc.runs import Record

LAST_PICTURE = "boxes.png"
SHOWN = 12  # test images drawn, evenly spaced over the test set


def close_run(folder: Path, record: Record, images: Mapping[str, Path]) -> str:
    """Draws a run's pictures into its folder and returns its closing text.

    Args:
        folder: the run's folder.
        record: its record.
        images: the image file of each test image, by id.
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
    """Tells whether a run's pictures have been drawn to the last."""
    return (folder / LAST_PICTURE).exists()
