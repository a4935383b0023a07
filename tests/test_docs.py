"""What the documents say can be typed and looked up: commands compose, code and tests exist, numbers are measured."""

import ast
import csv
import importlib.util
import json
import math
import re
import shlex
import struct
import tomllib
from functools import cache

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from medloc import dashboard, probe, publish, reproduce
from medloc.cli import COMMANDS
from medloc.report.__main__ import results_folder
from medloc.spec.compose import compose_curriculum, compose_job, register
from medloc.spec.machine import CONF
from tests.small import CHECKOUT

LOG = "log.md"  # dated: what was typed, and what code was called, then
DOCS = sorted(page for page in (CHECKOUT / "docs").rglob("*.md") if page.name != LOG)
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *DOCS]
MODULE = re.compile(r"python -m ((?:medloc|benchmarks)\.[a-z_]+)([^\n`]*)")
SHORT = re.compile(r"(?:^|`)medloc ([a-z]+)\b([^\n`]*)", re.MULTILINE)
PUBLISHED = CHECKOUT / "results" / "published"


def text_of(page):
    """The page with each command on one line."""
    return re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))


def without_fences(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def commands():
    """Every command once, with the first page it stands on: `medloc NAME ...` or `python -m medloc.NAME ...`."""
    seen = {}
    for page in PAGES:
        text = text_of(page)
        fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
        spans = "\n".join(f"`{span}`" for span in re.findall(r"`(medloc [^`\n]*)`", without_fences(text)))
        found = [
            *MODULE.findall(text),
            *((f"medloc.{name}", rest) for name, rest in SHORT.findall(fenced + "\n" + spans)),
        ]
        for module, rest in found:
            words = shlex.split(re.split(r"(?:^|\s)#", rest)[0].rstrip(" .,;:)"), comments=False)
            seen.setdefault((module, *words), page.name)
    for (module, *words), name in seen.items():
        yield pytest.param(module, words, id=f"{name}: {module} {' '.join(words)}"[:90])


def plain(words):
    """Overrides alone, without flags and the value that --cfg takes."""
    return [word for word in words if not word.startswith("-") and "=" in word]


def run(words):
    """Compose a job, of a sweep as many as it takes to see each value once: all of them can be hundreds."""
    if {"-m", "--multirun"} & set(words):
        parsed = OverridesParser.create().parse_overrides(plain(words))
        axes = [
            list(each.sweep_string_iterator()) if each.is_sweep_override() else [each.get_value_element_as_str()]
            for each in parsed
        ]
        for number in range(max(map(len, axes))):
            pairs = zip(parsed, axes, strict=True)
            composed(*[f"{each.get_key_element()}={axis[number % len(axis)]}" for each, axis in pairs])
    else:
        composed(*plain(words))


@cache
def composed(*words):
    """The documents ask for the same run in many places."""
    return compose_job(words)


def pretrain(words):
    register()
    with initialize_config_dir(str(CONF / "pretrain"), version_base="1.3"):
        compose("pretrain", plain(words))


CHECKS = {
    "medloc.run": run,
    "medloc.probe": lambda words: composed(*[word for word in plain(words) if not word.startswith("images=")]),
    "medloc.dashboard": lambda words: dashboard.compose_job(["tracking=wandb", *plain(words)]),
    "medloc.replay": lambda words: compose_curriculum(words[1:]),
    "medloc.reproduce": lambda words: reproduce._parser().parse_intermixed_args(words or ["all"]),
    "medloc.report": lambda words: results_folder(words),
    "medloc.publish": lambda words: publish._folders(words),
    "medloc.pretrain": pretrain,
}
"""Command -> what reads its words without doing anything."""


@pytest.mark.parametrize(("module", "words"), commands())
def test_every_command_in_the_documents_is_understood(module, words):
    assert importlib.util.find_spec(module) is not None
    if module.startswith("medloc."):
        assert module.removeprefix("medloc.") in COMMANDS, "give it a line in medloc/__main__.py"
    if module in CHECKS and "--help" not in words and "NAME" not in " ".join(words):
        CHECKS[module](words)


def test_commands_are_found():
    found = [param.values for param in commands()]
    assert ("medloc.replay", ["results/runs/KEY/trace.jsonl", "schedule=cosine", "window.size=20"]) in found
    assert ("medloc.run", ["-m", "schedule=piecewise,linear,cosine", "seed=42,43,44"]) in found
    assert len(found) > 40
    assert {module.removeprefix("medloc.") for module, _ in found if module.startswith("medloc.")} >= set(COMMANDS) - {
        "pretrain"
    }


def page_id(page):
    return str(page.relative_to(CHECKOUT))


@pytest.fixture(scope="module")
def tests_there_are():
    """Names of the test files, and of the functions in them: a page names them without their folder."""
    files = list((CHECKOUT / "tests").rglob("test_*.py"))
    functions = [re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE) for file in files]
    return {file.name for file in files} | {name for names in functions for name in names}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_test_named_in_the_documents_exists(page, tests_there_are):
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"`(test_\w+(?:\.py)?)`", text)) - {"test_ious"}:  # a field of a record
        assert name in tests_there_are, f"{page.name} names {name}"
    for path in re.findall(r"`(tests/[\w/.]+)`", text):
        assert (CHECKOUT / path).exists(), f"{page.name} names {path}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_between_files_lead_somewhere(page):
    for target, section in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if section:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert section in anchors, f"{page.name} links to {target}#{section}"


@pytest.mark.parametrize("page", [*PAGES, CHECKOUT / "docs" / LOG], ids=page_id)
def test_lines_fit_120_columns_and_paragraphs_six_lines(page):
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    long = [number for number, line in enumerate(lines, 1) if len(line) > 120 and not line.startswith("|")]
    assert not long, f"{page.name}: lines {long}"
    if page.name == LOG:
        return
    length = 0
    for line in without_fences(text).splitlines():
        begins = not line.strip() or re.match(r"#|\||!\[|\s*(?:[-*]|\d+\.) ", line)
        length = 1 if begins else length + 1
        assert length <= 6, f"{page.name}: a paragraph ends beyond six lines: {line}"


def test_the_readme_is_short_and_says_first_what_it_is():
    lines = (CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    first = "\n".join(lines[:12])
    assert all(words in first for words in ("Not a medical device", "make demo", "make test"))


# Code that the documents name


def names_in(file):
    """Name at the top of a module, or "Class.attribute" -> True."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}"
                elif isinstance(inner, ast.AnnAssign):
                    yield f"{node.name}.{ast.unparse(inner.target)}"
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (ast.unparse(target) for target in targets)


def is_code(dotted):
    """Tell whether `medloc.module.name` is a module, or a name of one."""
    place, parts = CHECKOUT, dotted.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    if parts and (place / f"{parts[0]}.py").is_file():
        place /= f"{parts.pop(0)}.py"
    else:
        place /= "__init__.py"
    return not parts or (place.is_file() and ".".join(parts) in set(names_in(place)))


def test_code_is_looked_up():
    assert all(map(is_code, ("medloc.curriculum", "medloc.boxes.Box", "medloc.boxes.Box.as_list")))
    assert not any(map(is_code, ("medloc.curriculums", "medloc.boxes.Bax", "medloc.boxes.Box.no")))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_code_and_files_that_a_page_names_exist(page):
    text = without_fences(page.read_text(encoding="utf-8"))
    for dotted in re.findall(r"`(medloc(?:\.\w+)+)", text):
        assert is_code(dotted), f"{page.name} names {dotted}"
    ours = ("NAME", "<", "geometric", "squared_iou")  # places for what a reader writes
    for path in re.findall(r"`((?:medloc|conf|experiments|benchmarks|docs|examples|results/published)/[^`\s]*)`", text):
        if not any(word in path for word in ours):
            assert list(CHECKOUT.glob(path.rstrip("/"))), f"{page.name} names {path}"


def known_keys():
    """Every key of the configuration: group, group.key, and those of conf/config.yaml."""
    for path in CONF.rglob("*.yaml"):
        group = path.parent.relative_to(CONF).as_posix()
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if group == ".":
            yield from values
            yield from (f"{key}.{inner}" for key, value in values.items() if isinstance(value, dict) for inner in value)
        else:
            yield group
            yield from (f"{group}.{key}" for key in values)


def test_the_map_names_code_and_keys_alone():
    """Each code span in the second column of the map is code, a file, a key, or said to be TRL's."""
    keys = set(known_keys())
    rows = re.findall(
        r"^\| .*$", (CHECKOUT / "docs/reproduction/paper_map.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) > 50
    for row in rows[2:]:
        _, paper, code, *_ = re.split(r"(?<!\\)\|", row)
        for span in re.findall(r"`([^`]*)`", f"{paper if 'not in the paper' in paper else ''}{code}"):
            if span.startswith("medloc.") or "/" in span or "TRL" in code or "of the trace" in code:
                continue
            for word in span.split():
                key, _, _ = word.partition("=")
                options = {path.stem for path in (CONF / "method").glob("*.yaml")} | {"tiny_s", "tiny_m", "tiny_l"}
                assert key in keys or word in options or word.startswith(("no_", "only_", "docs")), f"{paper}: {span}"


# Numbers that the documents state


def parameters():
    """Base -> the number of its parameters, counted in the shipped file."""
    for file in (CHECKOUT / "medloc/models/bases").glob("*/model.safetensors"):
        with file.open("rb") as stream:
            header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
        yield file.parent.name, sum(math.prod(each["shape"]) for name, each in header.items() if name != "__metadata__")


STATED = [*PAGES, *(path for path in (CONF / "model").glob("*.yaml") if not path.name.startswith("specialist"))]


@pytest.mark.parametrize("page", STATED, ids=page_id)
def test_numbers_of_parameters_are_those_of_the_shipped_files(page):
    counts = dict(parameters())
    text = page.read_text(encoding="utf-8")
    for count in re.findall(r"(\d+,\d{3}) parameters", text):
        assert int(count.replace(",", "")) in counts.values(), f"{page.name}: {count}"
    for line in text.splitlines():
        if "million" in line and "parameter" in line:
            for number in re.findall(r"(?<![\d.])\d\.\d+(?=[^.;:|]* million)", line):
                digits = len(number.partition(".")[2])
                assert float(number) in {round(count / 1e6, digits) for count in counts.values()}, (
                    f"{page.name}: {number}"
                )


def test_parameters_are_counted():
    assert dict(parameters())["tiny_s"] == 565_952


ROWS = {
    "MedLoc-R1, piecewise": "MedLoc-R1-3B piecewise",
    "VLM-R1 (tau fixed at 0.5)": "VLM-R1-3B",
    "raw IoU as the reward": "Raw-IoU-3B",
    "SFT": "SFT-3B",
    "*before training*": "Zero Shot-3B",
    "*best constant box*": "Best constant box",
    "*answer-grid ceiling*": "Answer-grid ceiling (tiny_s)",
}


@pytest.mark.skipif(not (PUBLISHED / "tables/table1.csv").is_file(), reason="no table is published yet")
def test_the_results_of_the_readme_are_those_of_table_1():
    with (PUBLISHED / "tables/table1.csv").open(encoding="utf-8") as file:
        values = {(line["row"], line["dataset"], line["metric"]): line for line in csv.DictReader(file)}
    rows = [
        line.split("|")[1:-1]
        for line in (CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()
        if line[:1] == "|"
    ]
    found = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows if len(cells) == 7}
    for name, row in ROWS.items():
        cells = [values[row, dataset, metric] for dataset in ("ham10000", "heel", "tn3k") for metric in ("a50", "a80")]
        expected = [f"{float(c['mean']):.1f}" + (f" ± {float(c['sd']):.1f}" if c["sd"] else "") for c in cells]
        assert found[name] == expected, name


def estimated(capsys, *words):
    """The peak that `medloc probe --memory` prints, in whole 10^9 bytes."""
    preset = [] if any(word.startswith("train=") for word in words) else ["train=paper"]
    assert probe.main(["--memory", *preset, *words]) == 0
    (peak,) = re.findall(r"^peak +([\d.]+)$", capsys.readouterr().out, re.MULTILINE)
    return round(float(peak))


def test_the_memory_of_one_gpu_is_what_the_probe_estimates(capsys):
    text = (
        (CHECKOUT / "docs/one_gpu.md")
        .read_text(encoding="utf-8")
        .partition("## Does it fit?")[2]
        .partition("\nEight ")[0]
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 6
    for what, settings, peak, *_ in rows:
        words = [word for span in re.findall(r"`([^`]*)`", settings) for word in span.split()]
        model = f"model=qwen2_5_vl_{what.split()[0].rstrip(',').lower()}"
        assert estimated(capsys, model, *words) == int(peak), what


@pytest.mark.slow
@pytest.mark.parametrize("model", ["qwen2_5_vl_3b", "qwen2_5_vl_7b", "qwen2_5_vl_32b"])
def test_the_memory_of_several_gpus_is_what_the_probe_estimates(model, capsys):
    text = (CHECKOUT / "docs/scale.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{model}` \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert [estimated(capsys, f"model={model}", f"launch={each}") for each in ("ddp", "zero2", "zero3")] == list(
        map(int, row)
    )


def test_the_pinned_torch_is_the_one_the_documents_name():
    (pin,) = re.findall(r"^torch==(\d+\.\d+)", (CHECKOUT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"pins torch (\d+\.\d+)", (CHECKOUT / "docs/scale.md").read_text(encoding="utf-8")) == [pin]


def test_no_page_claims_what_the_gpu_has_not_shown():
    """The setting was not run on a GPU: whoever names it links to where that is said, or says it."""
    for page in PAGES:
        text = " ".join(page.read_text(encoding="utf-8").split())
        if "deterministic=true" in text and page.name != "scale.md":
            assert "scale.md#the-same-bytes-from-a-gpu" in text, page.name
    assert "has not been run on a GPU" in (CHECKOUT / "docs/scale.md").read_text(encoding="utf-8")


def test_the_shipped_weights_and_phantoms_have_a_card_that_says_what_they_are_not():
    cards = {
        page.stem: " ".join(page.read_text(encoding="utf-8").split())
        for page in (CHECKOUT / "docs" / "cards").glob("*.md")
    }
    for base in (CHECKOUT / "medloc" / "models" / "bases").glob("*/model.safetensors"):
        assert f"`{base.parent.name}`" in cards["tiny_bases"]
    assert "Not a medical device" in cards["tiny_bases"]
    assert "No patient" in cards["phantoms"]
    assert "Not a medical device" in (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_citation_is_whole():
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_all_fifteen_pains_are_answered():
    rows = re.findall(r"^\| (\d+) \|", (CHECKOUT / "docs" / "pains.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 16))
