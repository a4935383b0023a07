"""What is published says everything that the report needs, on a machine that has nothing else."""

import hashlib
import json
import shutil

import pytest

from medloc.publish import main
from medloc.report.published import SERIES, publish, published
from medloc.report.whole import write_report
from medloc.runs import find_records, write_record
from medloc.training.callbacks.trace import NOTHING_SEEN, trace_line
from tests.report.conftest import fabricate


def files(folder, *parts):
    return {
        str(p.relative_to(folder)): p.read_bytes() for part in parts for p in (folder / part).rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def out(written, tmp_path_factory):
    """The published form of `grid`, in a folder of its own."""
    _, results = written
    folder = tmp_path_factory.mktemp("published")
    assert publish(results, find_records(results), folder).lacking == ()
    return folder


def test_tables_and_figures_are_those_of_the_runs_themselves(out, written):
    # a picture that shows other numbers than it says is drawn again, and so are these two
    shutil.copytree(written[1] / "figures", out / "figures", ignore=shutil.ignore_patterns("figure6.*", "figure8.*"))
    report = write_report(out, find_records(out))
    assert files(out, "tables") == files(written[1], "tables")
    figures = files(out, "figures")
    assert figures == files(written[1], "figures")
    assert {"figures/figure4.png", "figures/figure8.svg"} <= figures.keys()
    assert all(figure.lacking == () for figure in report.figures)


def test_nothing_of_this_machine_goes_along(out, written):
    _, results = written
    cache = find_records(results).records[0].config["cache"]
    for name, content in files(out, "").items():
        assert str(results).encode() not in content, name
        assert cache.encode() not in content, name
    assert not list(out.rglob("*.safetensors"))
    assert "platform" not in json.loads(next(out.glob("runs/*/record.json")).read_text())["provenance"]


def test_what_is_published_can_be_published_again(out, tmp_path):
    publish(out, find_records(out), tmp_path)
    assert files(tmp_path, "runs", "images", "datasets") == files(out, "runs", "images", "datasets")


def test_a_run_takes_its_overlaps_its_series_and_its_weights_hash_along(tmp_path):
    lines = [trace_line(step, None, {"kl": 0.123456789, "loss": 0.5}) for step in (1, 2)]
    (tmp_path / "trace.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    samples = [{"id": str(i), "group": "g", "iou": iou} for i, iou in enumerate((0.25, 1.0))]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in samples))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    config = {
        "results": "/home/me/results",
        "cache": "/tmp/c",
        "dataset": {"root": "/data/HAM10000", "manifest": None},
        "model": {"path": "/home/me/weights", "name": "tiny_s"},
        "method": {"semantic_model": "/home/me/clip"},
    }
    record = published(fabricate(config=config), tmp_path)
    assert record.test_ious == [0.25, 1.0]
    assert record.series == {"updated": [False, False], "kl": [0.123457, 0.123457]}  # the rest was null
    assert record.provenance["weights_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert record.config["results"] == "results"
    assert record.config["cache"] == "c"
    assert "/home" not in json.dumps(record.config)
    assert record.config["dataset"] == {"root": "HAM10000", "manifest": None}
    assert set(SERIES) <= {*NOTHING_SEEN, "kl", "entropy"}


def test_only_complete_runs_are_published(tmp_path, capsys):
    for seed, status in ((42, "complete"), (43, "running")):
        record = fabricate(seed=seed, status=status)
        write_record(tmp_path / "runs" / record.key, record)
    assert main([f"results={tmp_path}", f"out={tmp_path / 'out'}"]) == 0
    assert [record.identity["seed"] for record in find_records(tmp_path / "out").records] == [42]
    assert "1 records published" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("argument", ["out", "into=x", "results="])
def test_an_argument_that_is_none_is_refused(argument, capsys):
    assert main([argument]) == 2
    assert f"{argument} is no argument of it" in capsys.readouterr().err
