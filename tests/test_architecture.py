"""Arrows point down: which room may import which, walked over whatever files there are."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "medloc"

ABOVE = {  # a room may import rooms with a smaller number only
    "boxes": 0,
    "runs": 0,
    "curriculum": 1,
    "rewards": 1,
    "spec": 2,
    "data": 3,
    "models": 4,
    "evaluation": 5,
    "training": 6,
    "report": 8,
    "cli": 8,
    "dropin": 6,
    "experiments": 7,
}
ENTRY = 9  # run.py, replay.py, score.py ...: nothing imports them

STDLIB_ONLY = {"boxes", "runs", "curriculum", "rewards"}
WITHOUT_TORCH = (
    "spec",
    "curriculum",
    "data",
    "evaluation.samples",
    "evaluation.metrics",
    "runs",
    "rewards",
)
LIGHT_COMMANDS = ("replay", "data.__main__", "score", "report.__main__", "run", "reproduce", "__main__")

HEAVY = {"torch", "transformers", "trl", "matplotlib", "wandb"}

FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path):
    """Absolute names of everything a file imports, inside functions too."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from medloc import boxes` imports a room, `from medloc.boxes import Box` a name of one
            yield from (f"medloc.{alias.name}" for alias in node.names) if origin == "medloc" else [origin]


def room(module):
    """The room a module of ours lies in; "" for the package itself."""
    return module.split(".")[1] if "." in module else ""


def level(name):
    return ABOVE.get(name, ENTRY)


def ids(path):
    return str(path.relative_to(PACKAGE))


def test_every_folder_is_a_room_with_a_place():
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert folders <= set(ABOVE), f"give {folders - set(ABOVE)} a place among the rooms"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_imports_point_down(path):
    mine = "entry" if path.name == "__main__.py" else room(module_name(path))
    for module in imported_modules(path):
        theirs = room(module)
        if module.split(".")[0] != "medloc" or theirs in ("", "__version__", mine):
            continue
        assert level(theirs) < level(mine), f"{ids(path)} ({mine}) imports {module}, which lies above or beside it"


def test_a_folder_holds_few_files_and_a_file_few_lines():
    """At most 16 files a folder and 400 lines a file: the names of a folder can be read at a glance."""
    folders = [path.parent for path in FILES]
    assert not {ids(folder): folders.count(folder) for folder in folders if folders.count(folder) > 16}
    lengths = {ids(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {name: length for name, length in lengths.items() if length > 400}


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_outside_packages_stay_in_their_rooms(path):
    mine = room(module_name(path))
    outside = {module.split(".")[0] for module in imported_modules(path)} - sys.stdlib_module_names - {"medloc"}
    if mine in STDLIB_ONLY:
        assert not outside, f"{mine} is standard library only"
    if mine != "training":
        assert "trl" not in outside, "only medloc/training imports trl"
    if mine in ("spec", "data", "report"):
        assert not outside & {"torch", "transformers", "accelerate"}, f"{mine} needs no torch"
    if mine != "report":
        assert not outside & {"matplotlib", "pandas", "tabulate"} - ({"pandas"} if mine == "data" else set())


def exists(name):
    path = PACKAGE.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_importing_loads_no_torch():
    """Every light room and command in one process: whoever imports torch is found by importing one after the other."""
    names = [f"medloc.{name}" for name in (*WITHOUT_TORCH, *LIGHT_COMMANDS) if exists(name)]
    code = (
        "import importlib, sys\n"
        f"heavy = {HEAVY!r}\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "    found = sorted(heavy & set(sys.modules))\n"
        "    assert not found, f'{name} imports {found}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(names) > 10


def test_the_walk_sees_what_is_there():
    # A walk over nothing would pass: the imports of a known file are found, relative ones resolved.
    found = set(imported_modules(PACKAGE / "score.py"))
    assert {"json", "medloc.boxes", "medloc.evaluation.metrics", "medloc.rewards.base"} <= found


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("from . import key", "medloc.runs"),
        ("from .key import run_key", "medloc.runs.key"),
        ("from ..report import table1", "medloc.report"),
        ("from medloc import training", "medloc.training"),
        ("def f():\n    import torch.nn", "torch.nn"),
    ],
)
def test_every_way_to_import_is_seen(tmp_path, monkeypatch, line, module):
    path = tmp_path / "medloc" / "runs" / "new.py"
    path.parent.mkdir(parents=True)
    path.write_text(line)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "medloc")
    assert list(imported_modules(path)) == [module]
