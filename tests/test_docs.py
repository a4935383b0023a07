"""What the documents say can be typed and looked up: commands compose, tests exist, links lead somewhere."""

import importlib.util
import re
import shlex
import tomllib

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from medloc import dashboard, publish, reproduce
from medloc.cli import COMMANDS
from medloc.report.__main__ import results_folder
from medloc.spec.compose import compose_curriculum, compose_job, register
from medloc.spec.machine import CONF
from tests.small import CHECKOUT

LOG = "log.md"  # dated: what was typed then
DOCS = sorted(page for page in (CHECKOUT / "docs").rglob("*.md") if page.name != LOG)
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *DOCS]
COMMAND = re.compile(r"python -m ((?:medloc|benchmarks)\.[a-z_]+)([^\n`]*)")


def commands():
    """Every command once, with the first page it stands on."""
    seen = {}
    for page in PAGES:
        for module, rest in COMMAND.findall(page.read_text(encoding="utf-8")):
            words = shlex.split(rest.split("#")[0].rstrip(" .,;:)"), comments=False)
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
        seen = set()
        for combination in BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]:
            if not seen.issuperset(combination):
                seen.update(combination)
                compose_job(combination)
    else:
        compose_job(plain(words))


def pretrain(words):
    register()
    with initialize_config_dir(str(CONF / "pretrain"), version_base="1.3"):
        compose("pretrain", plain(words))


CHECKS = {
    "medloc.run": run,
    "medloc.probe": lambda words: compose_job([word for word in plain(words) if not word.startswith("images=")]),
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
    assert len(found) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_named_in_the_documents_exists(page):
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text(encoding="utf-8")):
        file = CHECKOUT / path
        assert file.is_file(), f"{page.name} names {path}"
        if name:
            assert f"def {name}(" in file.read_text(encoding="utf-8"), f"{page.name} names {path}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_shipped_weights_and_phantoms_have_a_card_that_says_what_they_are_not():
    cards = {page.stem: page.read_text(encoding="utf-8") for page in (CHECKOUT / "docs" / "cards").glob("*.md")}
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
