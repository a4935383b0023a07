import io
import json
import subprocess
import sys
from itertools import product

import pytest

from medloc import replay
from medloc.curriculum import curriculum_from
from medloc.spec.compose import compose_curriculum
from tests.curriculum.configs import REFRESHES, SCHEDULES, UNITS, config
from tests.curriculum.reference import Reference
from tests.curriculum.test_against_reference import stream

FIELDS = ["step", "ious", "tau_used", "tau", "mean_reward", "reward_std", "iou_margin", "updated"]


def written(path, steps):
    """A trace with more in each line than a replay may read."""
    rows = ({"step": k, "ious": ious, "tau": "another", "kl": None} for k, ious in enumerate(steps, 1))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def trace(tmp_path):
    return written(tmp_path / "trace.jsonl", list(stream("improving", 3, steps=60, groups=2, size=4)))


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_replay_prints_one_line_per_step_with_the_fields_of_a_trace(trace, capsys):
    assert replay.main([str(trace)]) == 0
    rows = lines_of(capsys)
    assert [row["step"] for row in rows] == list(range(1, 61))
    assert all(list(row) == FIELDS for row in rows)
    assert rows[0]["mean_reward"] is None
    assert rows[0]["tau_used"] == 0.3


@pytest.mark.parametrize(("schedule", "refresh", "unit"), product(SCHEDULES, REFRESHES[:2], UNITS))
def test_a_replay_takes_the_path_of_the_equations(trace, capsys, schedule, refresh, unit):
    overrides = [f"schedule={schedule}", f"window.refresh={refresh}", f"window.unit={unit}", "window.size=4"]
    assert replay.main([str(trace), *overrides]) == 0
    literal = Reference(config(schedule, size=4, refresh=refresh, unit=unit))
    for row in lines_of(capsys):
        used, tau, *_, updated = literal.observe(row["ious"])
        assert (row["tau_used"], row["tau"], row["updated"]) == (used, tau, updated)


def test_a_replay_of_a_replay_is_the_same_byte_for_byte(trace, tmp_path, capsys):
    replay.main([str(trace), "window.size=4"])
    first = capsys.readouterr().out
    again = tmp_path / "again.jsonl"
    again.write_text(first)
    replay.main([str(again), "window.size=4"])
    assert capsys.readouterr().out == first
    assert '"updated": true' in first


def test_settings_start_from_the_defaults_of_conf():
    assert compose_curriculum([]).params == curriculum_from(config()).params
    changed = compose_curriculum(["strategy=fixed_moderate", "criteria=only_margin", "criteria.margin=0.2"])
    expected = config(strategy="fixed_moderate", criteria="only_margin", criteria__margin=0.2)
    assert changed.params == curriculum_from(expected).params


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be a JSON object with `step` and `ious`"),
        ('{"step": 7}', "must be a JSON object with `step` and `ious`"),
        ('{"step": "7", "ious": [[0.5]]}', "step='7' must be a whole number"),
        ('{"step": 7, "ious": 0.5}', "ious=0.5 must be a list"),
        ('{"step": 7, "ious": []}', "groups=[] must hold at least one group"),
        ('{"step": 7, "ious": [[0.5, NaN]]}', "groups[0][1]=nan must be an IoU"),
        ('{"step": 7, "ious": [["0.5"]]}', "groups[0][0]=0.5 must be an IoU"),
        ('{"step": 7, "ious": [[0.5], [0.5, 0.5]]}', "groups[1]=<2 IoUs> must be as large as groups[0]"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_what_came_before_is_kept(trace, capsys, line, message):
    good = trace.read_text().splitlines()[:6]
    trace.write_text("\n".join([*good, line]) + "\n")
    assert replay.main([str(trace)]) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 6
    assert said.err.startswith(f"medloc.replay: trace.jsonl line 7: {message}")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("steps", "line"),
    [([1, 2, 2], 3), ([1, 2, 3, 1], 4), ([3, 2, 1], 2), ([1, 2, 3, 1, 2, 3], 4), ([5, 5], 2), ([1, 3, 2], 3)],
)
def test_a_step_that_comes_twice_or_in_reverse_is_named_by_its_line(tmp_path, capsys, steps, line):
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps({"step": step, "ious": [[0.5]]}) + "\n" for step in steps))
    assert replay.main([str(path)]) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == line - 1
    repeated, before = steps[line - 1], steps[line - 2]
    assert said.err == (
        f"medloc.replay: trace.jsonl line {line}: step={repeated} must come after step {before}, the one before; "
        "a trace has each step once.\n"
    )


def test_what_the_curriculum_watched_is_replayed_where_it_was_not_iou(tmp_path, capsys):
    """IoUs of 0 throughout, as misses; on the other scale they pass 0.3, and tau rises."""
    path, again = tmp_path / "trace.jsonl", tmp_path / "again.jsonl"
    rows = [{"step": k, "ious": [[0.0, 0.0]], "watched": [[0.45, 0.4]]} for k in (1, 2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["window.size=2", "criteria=only_reward"]
    assert replay.main([str(path), *words]) == 0
    first = capsys.readouterr().out
    assert json.loads(first.splitlines()[1])["tau"] == 0.45
    again.write_text(first)
    assert replay.main([str(again), *words]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize("watched", [0.5, [], [[2.0]], ["0.5"]])
def test_what_was_watched_is_checked_as_ious_are(tmp_path, capsys, watched):
    path = tmp_path / "trace.jsonl"
    path.write_text(json.dumps({"step": 1, "ious": [[0.5]], "watched": watched}) + "\n")
    assert replay.main([str(path)]) == 2
    assert capsys.readouterr().err.startswith("medloc.replay: trace.jsonl line 1: ")


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path, capsys):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    assert replay.main([str(path)]) == 2
    assert capsys.readouterr().err == "medloc.replay: trace.jsonl line 1: is not JSON; is the line cut off?\n"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "schedule=cosin",
            "schedule=cosin is not known; choose one of cosine, fixed, identical, linear, median, piecewise.",
        ),
        ("window.size=0", "window.size=0 must be at least 1"),
        (
            "window.size=many",
            "window.size=many must be a whole number",
        ),
        ("window.sise=3", "Could not override 'window.sise': Key 'sise' is not in struct"),
        ("schedule.boundaries=[0.75,0.55]", "schedule.boundaries=[0.75, 0.55] must ascend"),
        ("schedule=[", "no viable alternative"),
        ("oops", "Error parsing override 'oops'"),
    ],
)
def test_a_bad_setting_is_one_clear_line(trace, capsys, override, message):
    assert replay.main([str(trace), override]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.removeprefix("medloc.replay: ").startswith(message)
    assert said.err.count("\n") == 1


def test_a_missing_trace_is_named(capsys):
    assert replay.main(["nowhere.jsonl"]) == 2
    assert capsys.readouterr().err.startswith("medloc.replay: nowhere.jsonl is not a file; give a run's trace.jsonl")


def test_standard_input_is_read(trace, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(trace.read_bytes() + b"{\n")))
    assert replay.main(["-"]) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 60
    assert said.err.startswith("medloc.replay: standard input line 61: is not JSON")


def test_help_teaches_without_waiting_for_hydra():
    code = "import sys; from medloc.replay import main; main(['--help']); assert 'hydra' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "schedule=cosine window.size=20" in done.stdout
    assert len(done.stdout.splitlines()) <= 20


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path):
    long = written(tmp_path / "trace.jsonl", list(stream("flat", 1, steps=400, groups=8, size=8)))
    command = f"{sys.executable} -m medloc.replay {long} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
