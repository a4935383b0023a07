"""`launch=multi_node` on two hosts with two processes each."""

import os
import subprocess
import sys
import time

import pytest

from medloc.runs import read_record
from medloc.training.distributed.machines import LOST_AFTER_S
from tests.engines.cluster import wait_for
from tests.engines.hosts import cannot_make_hosts, hosts
from tests.small import medloc, overrides

WHY_NOT = cannot_make_hosts()
pytestmark = [pytest.mark.engines, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

FOUR = ("device=cpu", "train.per_device_batch=2", "window.size=2")


def on_both(two, folder, *more):
    """Start the same command on both hosts."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "eth0"}
    launch = ["launch=multi_node", "launch.engine=ddp", "launch.processes=2", f"launch.address={two.addresses[0]}"]
    command = [sys.executable, "-m", "medloc.run", *launch, *overrides(folder, folder / "cache", *FOUR, *more)]
    return [
        two.start(
            number,
            [*command, f"launch.machine={number}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(2)
    ]


def ended(processes, seconds=600):
    """Return exit code and output of each."""
    said = [process.communicate(timeout=seconds)[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


def only_run(folder):
    (run,) = (folder / "runs").glob("[!.]*")
    return run


def test_two_hosts_train_as_one_with_four_processes(tmp_path):
    with hosts(2) as two:
        for code, said in ended(on_both(two, tmp_path / "two")):
            assert code == 0, said
    one = tmp_path / "one"
    done = medloc("run", "launch=ddp", "launch.processes=4", *overrides(one, one / "cache", *FOUR))
    assert done.returncode == 0, done.stderr
    assert read_record(only_run(tmp_path / "two") / "record.json").status == "complete"
    traces = [(only_run(folder) / "trace.jsonl").read_text() for folder in (tmp_path / "two", one)]
    assert traces[0] == traces[1]
    assert '"updated": true' in traces[0]


def test_a_host_that_vanishes_is_named_by_the_other_and_the_same_command_goes_on(tmp_path):
    long = ("train.max_steps=60", "train.checkpoints=30")
    with hosts(2) as two:
        processes = on_both(two, tmp_path, *long)
        wait_for(lambda: any(p.read_text().count("\n") >= 5 for p in tmp_path.glob("runs/*/trace.jsonl")), 300)
        two.unplug(1)
        cut = time.monotonic()
        (first, said), (second, said_by_it) = ended(processes)
        assert time.monotonic() - cut < 60 + LOST_AFTER_S
        assert (first, second) == (2, 2)
        (line,) = (line for line in said.splitlines() if line.startswith("medloc.run: "))
        assert "machine 1" in line
        assert "no answer for" in line
        (line,) = (line for line in said_by_it.splitlines() if line.startswith("medloc.run: "))
        assert "machine 0" in line
    with hosts(2) as two:
        for code, said in ended(on_both(two, tmp_path, *long)):
            assert code == 0, said
    assert read_record(only_run(tmp_path) / "record.json").status == "complete"
