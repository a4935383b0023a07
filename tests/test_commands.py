"""Every command is listed, explains itself, and its help loads no torch."""

import importlib.util
import subprocess
import sys

import pytest

from medloc.cli import COMMANDS
from medloc.probe import IMAGES
from tests.small import SMALL, medloc


def test_the_list_names_commands_that_exist():
    done = subprocess.run([sys.executable, "-m", "medloc"], capture_output=True, text=True, check=True)
    for name in COMMANDS:
        assert f"  medloc {name}" in done.stdout
        assert importlib.util.find_spec(f"medloc.{name}") is not None


def one_command(*arguments):
    return subprocess.run([sys.executable, "-m", "medloc", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [("score", "--help"), ("score", "nowhere.jsonl")])
def test_medloc_name_does_what_the_module_of_that_name_does(arguments):
    through, direct = one_command(*arguments), medloc(*arguments)
    assert (through.returncode, through.stdout, through.stderr) == (direct.returncode, direct.stdout, direct.stderr)


def test_a_name_that_is_no_command_is_one_line_that_lists_the_commands():
    done = one_command("trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert all(name in done.stderr for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_without_torch(command):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{command}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('medloc.{command}', run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"python -m medloc.{command}" in done.stdout


def test_run_help_names_every_option_there_is():
    from medloc.spec.machine import CONF

    text = medloc("run", "--help").stdout
    for group in ("dataset", "model", "method", "schedule", "criteria", "strategy", "train"):
        for option in (CONF / group).glob("[!_]*.yaml"):
            assert option.stem in text, f"{group}={option.stem}"


def test_the_probe_prints_shares_that_sum_to_a_hundred(tmp_path):
    done = medloc("probe", "images=3", *SMALL, f"cache={tmp_path}")
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:2] == "0."]
    assert [row[0] for row in rows] == ["0.30", "0.45", "0.50", "0.60", "0.70", "0.80"]
    assert all(sum(map(float, row[1:])) == pytest.approx(100, abs=0.2) for row in rows)


def test_a_probe_of_nothing_is_refused(tmp_path):
    done = medloc("probe", "images=0", *SMALL, f"cache={tmp_path}")
    said = f"medloc.probe: images=0 must be a whole number of at least 1; the default is {IMAGES}.\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("command", ["run", "probe", "pretrain"])
def test_an_unknown_key_is_one_line(command):
    done = medloc(command, "nonsense=1")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nonsense" in done.stderr
