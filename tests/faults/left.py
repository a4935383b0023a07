"""What a finished run has left, in a form in which two runs can be compared bit for bit."""

import json
from pathlib import Path

from PIL import Image

from tests.faults.moments import noted

OF_THE_MACHINE = ("provenance", "timings", "peak_memory_mb", "started", "ended")
FILES = ("trace.jsonl", "curve.jsonl", "start.jsonl", "samples.jsonl", "last.jsonl")


def run_folder(root):
    (folder,) = (path.parent for path in Path(root, "all", "results", "runs").glob("*/record.json"))
    return folder


def left(root):
    """Returns name -> content of everything that must be the same, and checks that nothing is torn or left over."""
    folder = run_folder(root)
    record = json.loads((folder / "record.json").read_text())
    assert record["status"] == "complete"
    for path in ("results", "cache"):
        record["config"].pop(path)
    assert not (folder / "checkpoints").exists()
    for name in ("training.png", "boxes.png"):
        with Image.open(folder / name) as image:
            image.load()
    litter = [path.name for path in folder.rglob(".*") if ".png." not in path.name]
    assert not litter
    files = [*(folder / name for name in FILES if (folder / name).exists()), *sorted((folder / "model").iterdir())]
    return {
        "record.json": {key: value for key, value in record.items() if key not in OF_THE_MACHINE},
        **{path.relative_to(folder).as_posix(): path.read_bytes() for path in files},
        "data": {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(Path(root, "all", "cache").rglob("*.jpg"))
        },
    }


def states(root):
    """Returns checkpoint -> state of curriculum, of every checkpoint ever finished below `root`."""
    return dict(noted(Path(root) / "logs" / "moments", "state"))
