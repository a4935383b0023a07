"""docs/data.md, command by command, on small sets in the layouts it speaks of."""

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from PIL import Image

from medloc.data import load_dataset
from medloc.data.__main__ import main
from medloc.data.files import BOXES, DOCUMENT, FIELD, LINE, PIXELS, SIDECAR, Problems
from medloc.data.manifest import read_manifest
from medloc.report.__main__ import main as report
from medloc.spec.compose import compose_job
from medloc.training.runner.runner import run_job
from tests.data.helpers import save_image, save_mask
from tests.data.test_loaders import ham, heel, tn3k
from tests.data.test_sidecars import voc
from tests.small import SMALL

DOCS = Path(__file__).parents[2] / "docs"
STEPS = (DOCS / "data.md").read_text(encoding="utf-8").partition("\n## ")[2]  # after the overview
COMMANDS = re.findall(r"^medloc (\S+) (.*)$", re.sub(r"\\\n\s*", " ", STEPS), re.MULTILINE)
SIZE = (112, 84)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """/data of the page."""
    root = tmp_path_factory.mktemp("data")
    for i in range(20):
        name = f"p{i // 2:02d}_{i % 2}"
        save_image(root / "thyroid" / "images" / f"{name}.png", SIZE)
        boxes = [] if i == 7 else [(10, 10, 60, 50), (70, 60, 90, 80)][: 1 + (i == 4)]
        save_mask(root / "thyroid" / "masks" / f"{name}.png", *boxes, size=SIZE)
    ham(root / "HAM10000", 6)
    tn3k(root / "tn3k")
    heel(root / "heel")
    for name in ("coco", "yolo", "voc", "table"):
        for i in range(5):
            save_image(root / name / f"{i}.jpg")
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 40, "height": 30} for i in range(5)]
    boxes = [{"image_id": i, "bbox": [1, 1, 5, 5]} for i in range(5)]
    (root / "coco" / "instances.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    (root / "yolo" / "patients.csv").write_text("file,group\n" + "".join(f"{i}.jpg,p{i // 2}\n" for i in range(5)))
    (root / "table" / "boxes.csv").write_text(
        "file,xmin,ymin,xmax,ymax\n" + "".join(f"{i}.jpg,1,1,5,5\n" for i in range(5))
    )
    for i in range(5):
        (root / "yolo" / f"{i}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
        (root / "voc" / f"{i}.xml").write_text(voc(("fracture", 1, 1, 40, 30)))
    save_image(root / "classes" / "images" / "1.png")
    save_mask(root / "classes" / "masks" / "1.png", (1, 2, 20, 30))
    mask = Image.open(root / "classes" / "masks" / "1.png")
    mask.point(lambda level: level // 255 + (level == 0) * 2).save(root / "classes" / "masks" / "1.png")
    shares = {
        "images": [{"id": 1, "file_name": "1.png"}],
        "annotations": [{"image_id": 1, "bbox": [0.1, 0.2, 0.3, 0.4]}],
    }
    save_image(root / "shares" / "1.png")
    (root / "shares" / "instances.json").write_text(json.dumps(shares))
    return root


def test_every_command_of_the_page_runs_in_order(data, capsys):
    runs, tests = [], []
    assert {name for name, _ in COMMANDS} == {"data", "run", "report"}
    for name, arguments in COMMANDS:
        words = [word.replace("/data/", f"{data}/") for word in shlex.split(arguments)]
        if name == "data":
            more = ["--cache", str(data / "cache")] if words[0] == "prepare" else []
            assert main([*words, *more]) == 0, arguments
        elif name == "report":
            assert shlex.split(arguments, comments=True) == ["results=results/thyroid"]  # where the folds ran
            assert report([f"results={data / 'r'}"]) == 0
        else:
            small = [*SMALL, "train.max_steps=1", "evaluation.points=1", "device=cpu"]
            small += [f"results={data / 'r'}", f"cache={data / 'cache'}"]
            parsed = OverridesParser.create().parse_overrides([word for word in words if word != "-m"])
            for number, one in enumerate(BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]):
                job = compose_job([*one, *small])
                tests.append(load_dataset(job.settings.dataset, data / "cache").test)
                if number == 0:  # of the folds one is trained
                    runs.append(run_job(job))
    said = capsys.readouterr().out
    assert "thyroid (real): 20 images, 20 boxes of the thyroid nodule" in said

    plain, chosen, _ = (run.record for run in runs)
    assert (plain.status, plain.identity["dataset"], plain.label) == (
        "complete",
        "manifest",
        "real: thyroid data, tiny_s model",
    )
    assert plain.metrics["final"]["n"] == chosen.metrics["final"]["n"] == 4
    assert runs[0].notes[0] == "thyroid: left out 1 images without a target."
    assert plain.fingerprints != chosen.fingerprints
    assert "dataset.validation_fraction=0.2" in chosen.identity["variant"]
    assert plain.config["dataset"]["target"] is None
    assert [point["n"] for point in plain.metrics["curve"]] == [4] * len(plain.metrics["curve"])
    assert [point["n"] for point in chosen.metrics["curve"]] == [3] * len(chosen.metrics["curve"])

    parts = [[one.id for one in test] for test in tests[2:]]
    assert [len(part) for part in parts] == [4, 4, 4, 4, 3]  # ten patients of two images, one of them without a target
    assert len({name for part in parts for name in part}) == 19
    assert [json.loads(line)["id"] for line in (runs[2].folder / "samples.jsonl").open()] == parts[0]

    (line,) = [row for row in (data / "r" / "tables" / "folds.md").read_text().splitlines() if "medloc" in row]
    assert [cell.strip() for cell in line.split("|")][1:5] == [
        "real: thyroid",
        "medloc piecewise tiny_s",
        "1",
        "1 of 5",
    ]

    again = read_manifest(data / "thyroid" / "manifest.jsonl", Problems())
    assert {row.group for row in again.rows} == {f"p{i:02d}" for i in range(10)}
    assert Image.open(data / "thyroid" / "manifest.png").size == (6 * 204, 2 * 174)
    one_based = read_manifest(data / "voc" / "manifest.jsonl", Problems()).rows[0]
    assert one_based.boxes[0].as_list() == [0, 0, 40, 30]
    assert "### own data" in (data / "r" / "tables" / "other.md").read_text()
    assert "| (no class) |      15 |      4 |" in (data / "r" / "tables" / "table5.md").read_text()

    assert len((data / "thyroid-vlm_r1.jsonl").read_text().splitlines()) == 19
    assert {row.group for row in read_manifest(data / "yolo-patients.jsonl", Problems()).rows} == {"p0", "p1", "p2"}


def test_the_page_states_the_limits_that_hold():
    text = (DOCS / "data.md").read_text(encoding="utf-8")
    assert (LINE, SIDECAR, DOCUMENT) == (2**20, 2**20, 256 * 2**20)
    for limit in (f"{FIELD} characters", f"| {BOXES} |", f"{PIXELS:,} ", "| 256 MiB |"):
        assert limit in text


def test_the_manifest_of_the_formats_page_is_one(tmp_path):
    text = (DOCS / "formats.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```\n(\{\"medloc_manifest\".*?)```", text, re.DOTALL)
    (tmp_path / "m.jsonl").write_text(example)
    problems = Problems()
    manifest = read_manifest(tmp_path / "m.jsonl", problems)
    assert (len(manifest.rows), problems.errors) == (2, [])
    keys = set(
        re.findall(
            r"`(\w+)`",
            "".join(re.findall(r"^\| (.*?) \|", text.partition("## manifest.jsonl")[2].partition("\n## ")[0], re.M)),
        )
    )
    assert keys == {"medloc_manifest", "name", "target", "prompt", "origin", "root", "foreground", "invert"} | {
        each.name for each in fields(manifest.rows[0])
    }
