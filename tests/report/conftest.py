import json
import shutil
from collections.abc import Callable

import pytest

from medloc.report.frame import group_records
from medloc.report.values import Values
from medloc.runs import NUMERICS, Record, write_record


def scores(a50, a80=0.2, mean_accuracy=0.3):
    """Metrics with known accuracies, as fractions."""
    return {"n": 500, "a50": a50, "a80": a80, "map": mean_accuracy, "mean_iou": 0.5, "parse_rate": 0.998}


def fabricate(method="medloc", dataset="heel", seed=42, a50=0.9, **changes):
    """One complete phantom record; `changes` replace words of its identity or fields of the record."""
    identity = {
        "dataset": dataset,
        "origin": "phantom",
        "evaluated_on": "test",
        "model": "tiny_s",
        "method": method,
        "schedule": "piecewise" if method == "medloc" else None,
        "train": "tiny",
        "steps": 0 if method == "zero_shot" else 250,
        "seed": seed,
        "variant": "",
    }
    identity |= {word: changes.pop(word) for word in list(changes) if word in identity}
    name = "-".join(str(value) for value in identity.values() if value is not None)
    fields = {
        "key": name.replace(" ", "_").replace(":", "_"),
        "status": "complete",
        "label": "phantom data, tiny_s",
        "identity": identity,
        "config": {"train": {"max_steps": identity["steps"], "epochs": None}},
        "metrics": {
            "zero_shot": scores(0.1364, 0.0164, 0.0478),
            "final": None if method == "zero_shot" else scores(a50),
            "last": None,
            "constant_box": {"best": scores(0.31), "median": scores(0.25)},
            "answer_grid": scores(1.0, 0.97, 0.9),
            "curve": [],
        },
        "provenance": {"commit": "c0ffee" + "0" * 34, "dirty": False},
        "numerics": NUMERICS,
        "fingerprints": {"data": f"data-{dataset}", "model": "model-s"},
        "started": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T00:02:00+00:00",
    }
    return Record(**fields | changes)


def three_seeds(method="medloc", a50=(0.90, 0.92, 0.97), a80=(0.20, 0.30, 0.40), **changes):
    """Runs of seeds 42, 43, 44 with these accuracies; mAP is always 30 %."""
    records = [fabricate(method, seed=seed, **changes) for seed in (42, 43, 44)]
    for record, first, second in zip(records, a50, a80, strict=True):
        record.metrics["final"] = scores(first, second)
    return records


@pytest.fixture(name="fabricate")
def fabricate_fixture() -> Callable[..., Record]:
    return fabricate


@pytest.fixture(name="three_seeds")
def three_seeds_fixture():
    return three_seeds


@pytest.fixture(name="scores")
def scores_fixture():
    return scores


@pytest.fixture
def results(tmp_path):
    """A results folder; `results(record, ...)` puts records into it and returns it."""

    def put(*records):
        for record in records:
            write_record(tmp_path / "results" / "runs" / record.key, record)
        return tmp_path / "results"

    return put


@pytest.fixture
def answered(tmp_path):
    """`answered(record, ious)` puts a samples file beside a record; images 2k and 2k + 1 show the same lesion."""

    def put(record, ious, name="samples.jsonl"):
        folder = tmp_path / "results" / "runs" / record.key
        folder.mkdir(parents=True, exist_ok=True)
        rows = [{"id": f"image{i}", "group": f"lesion{i // 2}", "iou": iou} for i, iou in enumerate(ious)]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    return put


@pytest.fixture
def values(tmp_path):
    """`values(record, ...)` returns what the largest group of these records holds."""

    def read(*records):
        return Values(group_records(records)[0], tmp_path / "results")

    return read


@pytest.fixture(scope="session")
def phantom_cache(tmp_path_factory):
    """Where the phantoms of `grid` lie."""
    return tmp_path_factory.mktemp("phantoms")


@pytest.fixture(scope="session")
def grid(tmp_path_factory, phantom_cache):
    """A results folder with every run of the paper's figures; to be read only."""
    from medloc.report.figures.files import FIGURES
    from tests.report.grid import fill, planned

    return fill(
        tmp_path_factory.mktemp("grid"),
        planned(*(name for name in FIGURES if name.startswith("figure"))),
        phantom_cache,
    )


@pytest.fixture
def thinned(grid, tmp_path):
    """A copy of `grid` without the runs that `thinned(wanted)` picks by their identity."""

    def remove(wanted=lambda run: False):
        for folder in (grid / "runs").iterdir():
            if not wanted(json.loads((folder / "record.json").read_text())["identity"]):
                shutil.copytree(folder, tmp_path / "results" / "runs" / folder.name)
        return tmp_path / "results"

    return remove


@pytest.fixture(scope="session")
def written(grid, tmp_path_factory):
    """The whole report of `grid`, and the folder it lies in."""
    from medloc.report.whole import write_report
    from medloc.runs import find_records

    folder = tmp_path_factory.mktemp("report") / "results"
    shutil.copytree(grid, folder)
    return write_report(folder, find_records(folder)), folder
