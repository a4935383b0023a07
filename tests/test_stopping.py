"""Ctrl-C, and what long work shows: run i of n, bars on a terminal, nothing elsewhere."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

from medloc.evaluation.answer import in_batches
from medloc.experiments.estimate import Sweep, sweep_runs
from medloc.runs import read_record
from medloc.spec.compose import compose_job
from medloc.training.runner.runner import run_job
from tests.faults.process import Command
from tests.small import overrides


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


RUN = [sys.executable, "-m", "medloc.run"]


@pytest.mark.slow
@pytest.mark.parametrize("sweep", [(), ("-m", "hydra/launcher=basic", "seed=42,43")])
def test_ctrl_c_ends_a_run_or_a_sweep_and_the_same_command_goes_on(sweep, tmp_path, cache):
    given = overrides(tmp_path, cache, "window.size=2", "train.max_steps=12", "train.checkpoints=12")
    command = Command(tmp_path, *sweep, *given)
    command.when(lambda: any(p.read_text().count("\n") >= 3 for p in tmp_path.glob("runs/*/trace.jsonl")))
    os.kill(command.process.pid, signal.SIGINT)
    ended = command.wait()
    assert ended.status == 130
    assert "the same command skips what is complete and goes on from the last checkpoint" in ended.err
    assert "Traceback" not in ended.err
    (folder,) = (tmp_path / "runs").glob("[!.]*")  # the sweep's second run was not begun
    assert read_record(folder / "record.json").status == "running"
    timed = len((folder / "timings.jsonl").read_text().splitlines())
    if not sweep:
        assert run_job(compose_job(given)).record.status == "complete"
        steps = [json.loads(line)["step"] for line in (folder / "trace.jsonl").read_text().splitlines()]
        assert steps == list(range(1, 13))
        assert timed >= 3


def test_ctrl_c_before_training_is_one_line_too(tmp_path):
    """While phantoms are drawn: nothing half drawn is left, and the same command draws them again."""
    drawn = tmp_path / "cache"
    command = Command(tmp_path, f"cache={drawn}", "method=zero_shot", "dataset.phantom.train=2000")
    command.when(lambda: list(drawn.glob(".ham10000-*/main/*/*.jpg")))
    os.kill(command.process.pid, signal.SIGINT)
    ended = command.wait()
    assert ended.status == 130
    assert ended.err.strip().count("\n") == 0
    assert [path.suffix for path in drawn.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["-m", "schedule=piecewise,linear,cosine", "seed=42,43,44", "threads=1"], 9),
        (["--multirun", "seed=range(1,4)", "schedule.deltas=[0.1,0.1,0.05]"], 3),
        (["-m", "threads=1"], 1),
        (["seed=42"], 0),
        (["-m", "seed=(("], 0),
    ],
)
def test_the_runs_of_a_sweep_are_counted_beforehand(words, size):
    assert len(sweep_runs(words) or []) == size


def test_a_sweep_says_where_it_is_and_leaves_what_was_complete_out_of_the_estimate(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("medloc.experiments.estimate.time.perf_counter", lambda: clock[0])
    sweep = Sweep(4)
    assert sweep.begin("seed=1") == "run 1 of 4: seed=1"
    clock[0] = 1.0
    sweep.end(fresh=False)
    assert sweep.begin("seed=2") == "run 2 of 4: seed=2"
    clock[0] = 121.0
    sweep.end(fresh=True)
    assert sweep.begin("seed=3") == "run 3 of 4: seed=3; about 4 min left"


def test_batches_hold_everything_once_in_order_and_are_silent_here(capfd):
    batches = list(in_batches(list(range(7)), 3, "answering"))
    assert batches == [[0, 1, 2], [3, 4, 5], [6]]
    assert capfd.readouterr().err == ""


def on_a_terminal(command):
    """Runs a command whose standard error is a terminal and returns what it showed there."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 120))  # a new one has no columns, and bars need some
    process = subprocess.Popen(command, stderr=follower, stdout=subprocess.DEVNULL)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux says so where the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait(timeout=60) == 0, shown.decode()
    return shown.decode()


@pytest.mark.slow
def test_a_terminal_shows_the_sweep_and_each_bar(tmp_path):
    given = ["-m", "hydra/launcher=basic", "seed=42,43", *overrides(tmp_path, tmp_path / "cache", "train.max_steps=2")]
    shown = on_a_terminal([*RUN, *given])
    assert "drawing ham10000 phantoms" in shown
    assert "run 1 of 2: " in shown
    assert "left" in shown.partition("run 2 of 2: ")[2].partition("\n")[0]
    assert "ham10000 medloc seed 42: 100%" in shown
